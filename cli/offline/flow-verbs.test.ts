import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { saveFlowModel } from '../../client/tracks/flow/flow-model-folder.ts';
import { initialLinkModel, linkSpec } from '../../client/tracks/flow/link/link-model.ts';
import { evaluateCommand } from './evaluate.ts';
import { scoreCommand } from './score.ts';

const header =
  'start_s,duration_s,cluster,src_service,dst_service,dst_port,protocol,bytes_out,bytes_in,packets_out,packets_in,label,family';
const row = (start: number, from: string, to: string, port: number, family = 'normal') =>
  `${start},0.1,c01,${from},${to},${port},tcp,100,200,3,4,${family === 'normal' ? 'normal' : 'attack'},${family}`;
/** A web server and its database, ten windows of ten seconds; at the end the database is moved on from. */
const usual = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => [
    row((from + at) * 10, 'client', 'web', 443),
    row((from + at) * 10 + 1, 'web', 'db', 5432),
    row((from + at) * 10 + 2, 'web', 'cache', 6379),
  ]).flat();

describe('testudo score and evaluate --track flow', () => {
  let folder = '';
  const at = (name: string) => join(folder, name);
  const common = () => ['--track', 'flow', '--model', at('model'), '--window', '10', '--normal', at('normal.csv')];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'testudo-flows-'));
    const spec = linkSpec('gcn');
    await saveFlowModel(at('model'), { spec, weights: initialLinkModel(spec, 1), clusters: new Map() });
    await writeFile(at('normal.csv'), [header, ...usual(0, 10)].join('\n'));
    const moved = [row(125, 'db', 'cache', 22, 'lateral_movement'), row(126, 'cache', 'web', 8080, 'lateral_movement')];
    await writeFile(at('judged.csv'), [header, ...usual(10, 14), ...moved, 'not,a,flow'].join('\n'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('puts the hostile edges above all others, and says what it passed over', async () => {
    const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    await scoreCommand().parseAsync([...common(), '--input', at('judged.csv'), '--output', at('scores.tsv')], {
      from: 'user',
    });
    const notes = said.mock.calls.join();
    said.mockRestore();
    const lines = (await readFile(at('scores.tsv'), 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'));
    expect(lines).toHaveLength(4 * 3 + 2);
    const ranked = lines.toSorted((a, b) => Number(b[4]) - Number(a[4]));
    expect(
      ranked
        .slice(0, 2)
        .map((fields) => fields[1]?.replace(/^workload \//, ''))
        .sort(),
    ).toEqual(['cache', 'db']);
    expect(Number(ranked[0]?.[5])).toBeLessThan(Number(ranked.at(-1)?.[5]));
    expect(notes).toContain('1 passed over (WRONG_FIELD_COUNT)');
  });

  it('scores workloads', async () => {
    const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const flags = ['--by', 'workload', '--input', at('judged.csv'), '--output', at('workloads.tsv')];
    await scoreCommand().parseAsync([...common(), ...flags], { from: 'user' });
    said.mockRestore();
    const lines = (await readFile(at('workloads.tsv'), 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'));
    expect(lines.every((fields) => fields.length === 5)).toBe(true);
    const best = lines.toSorted((a, b) => Number(b[2]) - Number(a[2]))[0];
    expect(['workload /db', 'workload /cache']).toContain(best?.[1]);
  });

  it('measures itself beside what a plain memory finds', async () => {
    const quiet = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const said = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    await evaluateCommand().parseAsync([...common(), '--json', '--input', at('judged.csv')], { from: 'user' });
    const found = JSON.parse(String(said.mock.calls[0]?.[0]));
    said.mockRestore();
    quiet.mockRestore();
    expect(found.overall).toMatchObject({ benign: 12, hostile: 2, auc: 1 });
    expect(found.seenPair).toMatchObject({ auc: 1 });
    expect(Object.keys(found.byFamily)).toEqual(['lateral_movement']);
  });
});
