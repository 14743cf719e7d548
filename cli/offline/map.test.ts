import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { ExampleBuffer } from '../../client/learning/example-buffer.ts';
import { loadDataKey } from '../../client/storage/data-key.ts';
import { apiCodec } from '../../client/tracks/api/example.ts';
import { readApiChains } from '../../client/tracks/api/offline/api-files.ts';
import { csvOf, normalTraffic, request, userOf } from '../../client/tracks/api/testing/small-shop.ts';
import { runTestudo } from '../testing/command-line.ts';

let folder = '';
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-map-'));
  const open = request(15 * 3_600, 'open', userOf(1), { method: 'GET', path: '/orders/debug/vars', auth: 'none' });
  await writeFile(at('requests.csv'), csvOf([...normalTraffic(), ...open].sort((a, b) => a.t - b.t)));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('testudo map shows of a file who calls whom, what is open and what is new, as JSON and as a picture', async () => {
  const { code, out } = await runTestudo(
    ...['map', '--input', at('requests.csv'), '--json', '--svg', at('map.svg'), '--since', '2026-11-02T14:00:00Z'],
  );
  expect(code).toBe(0);
  const { templates, edges } = JSON.parse(out) as {
    templates: { service: string; template: string; isOpenAmongClosed: boolean; isNew: boolean }[];
    edges: { from: string; to: string }[];
  };
  const found = templates.filter(({ isNew }) => isNew).map(({ service, template }) => `${service} ${template}`);
  expect(found.sort()).toEqual(['gateway /api/orders/debug/vars', 'orders /orders/debug/vars']);
  expect(templates.filter(({ isOpenAmongClosed }) => isOpenAmongClosed).map(({ template }) => template)).toContain(
    '/orders/debug/vars',
  );
  expect(edges.map(({ from, to }) => `${from} ${to}`)).toContain('gateway orders');
  expect(await readFile(at('map.svg'), 'utf8')).toMatch(/^<svg [^>]*>[\s\S]*>gateway<\/text>[\s\S]*<\/svg>\n$/);
});

it('testudo map reads what a client’s buffer holds, and says where nothing is', async () => {
  await writeFile(at('data.key'), `${'7'.repeat(64)}\n`, { mode: 0o600 });
  const key = unwrap(await loadDataKey({ kind: 'beside' }, folder));
  const buffer = unwrap(ExampleBuffer.open(at('examples/api.db'), key, apiCodec));
  const { chains } = unwrap(await readApiChains(at('requests.csv'), undefined));
  unwrap(
    buffer.add(
      chains.slice(0, 300).map(({ example }) => example),
      0,
    ),
  );
  buffer.close();
  // It may be on a read-only mount, or be evidence: nothing comes or goes in it, not even while it is read.
  const changedAt = () => stat(at('examples'), { bigint: true }).then(({ mtimeNs }) => mtimeNs);
  const before = await changedAt();
  const { code, out } = await runTestudo('map', '--data', folder);
  expect(code).toBe(0);
  expect(await changedAt()).toBe(before);
  expect(out).toMatch(/^6 workloads, \d+ edges, \d+ templates\n/);
  await writeFile(at('examples/spoilt.db'), 'no database'.repeat(1_000));
  const spoilt = await runTestudo('map', '--data', folder, '--track-id', 'spoilt');
  expect(spoilt).toMatchObject({ code: 1, error: expect.stringMatching(/^BUFFER_UNUSABLE: .*spoilt\.db.*NOTADB/) });
  const nothing = await runTestudo('map', '--data', folder, '--track-id', 'other');
  expect(nothing).toMatchObject({
    code: 2,
    error: expect.stringContaining('--track-id says what the track is called'),
  });
});
