import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeModelFiles } from '../client/tracks/model-files.ts';
import { verbSharesSpec } from '../client/tracks/testing/verb-shares/track.ts';
import { bytesOfValues } from '../proto/layout.ts';
import { specBytes } from '../proto/model-spec.ts';
import { runTestudo } from './testing/command-line.ts';

const verbShares = fileURLToPath(new URL('../client/tracks/testing/verb-shares/track.ts', import.meta.url));
let folder: string;
let page: string;
const at = (...names: string[]) => join(folder, ...names);

async function writeTrack(name: string, source: string): Promise<string> {
  await mkdir(at(name), { recursive: true });
  await writeFile(at(name, 'track.ts'), source);
  return at(name);
}

/** As docs/adding-a-track.md says it for a folder of one's own. */
function byName(source: string): string {
  const parents = { '../../../../': 'testudo/', '../../../': 'testudo/client/', '../../': 'testudo/client/tracks/' };
  return Object.entries(parents).reduce((text, [from, to]) => text.replaceAll(`'${from}`, `'${to}`), source);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-outside-'));
  page = await readFile(verbShares, 'utf8');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('a track outside of the checkout', () => {
  it('reaches our modules by name and our packages, begins a model and scores a file', async () => {
    const track = await writeTrack('verbs', byName(page));
    const made = await runTestudo('model', 'init', at('first'), '--track', track);
    expect(made).toMatchObject({ code: 0, error: '' });
    const files = {
      'spec.json': specBytes(verbSharesSpec),
      'weights.bin': bytesOfValues(new Float32Array(8).fill(0.1)),
    };
    await writeModelFiles(at('model'), new Map(Object.entries(files)));
    const request = JSON.stringify({ namespace: 'shop', account: 'thief', verb: 'delete', atMs: 1 });
    await writeFile(at('audit'), `${request}\n`.repeat(20));
    const words = ['score', '--model', at('model'), '--input', at('audit'), '--output', '-', '--track', track];
    expect(await runTestudo(...words)).toMatchObject({ code: 0, out: expect.stringMatching(/^shop\tthief\t/) });
  }, 600_000);

  it('gets a package that it brings itself, and not ours of that name', async () => {
    const track = await writeTrack(
      'own',
      "import { own } from 'zod';\nexport const trackKind = { architectures: [own] };\n",
    );
    await mkdir(join(track, 'node_modules', 'zod'), { recursive: true });
    await writeFile(join(track, 'node_modules', 'zod', 'package.json'), '{ "type": "module", "exports": "./zod.mjs" }');
    await writeFile(join(track, 'node_modules', 'zod', 'zod.mjs'), "export const own = 'mine/1';\n");
    const made = await runTestudo('model', 'init', at('none'), '--track', track);
    expect(made).toMatchObject({ code: 2, error: expect.stringContaining('own') });
    expect(made.error).not.toContain('TRACK_UNLOADABLE');
  }, 600_000);

  it.each([
    ['imports what is not there', () => page, /cannot be loaded: Cannot find module/],
    ['has no kind in it', () => 'export const other = 1;\n', /it must export `trackKind`/],
    ['is no TypeScript', () => 'const (\n', /cannot be loaded: /],
    ['throws', () => "throw new Error('broken on purpose');\n", /cannot be loaded: broken on purpose/],
  ])(
    'that %s is refused in one sentence, by verbs on files and by --check',
    async (name, source, said) => {
      const track = await writeTrack(name.replaceAll(' ', '-'), source());
      const made = await runTestudo('model', 'init', at('never'), '--track', track);
      expect(made).toMatchObject({
        code: 1,
        out: '',
        error: expect.stringMatching(/^TRACK_UNLOADABLE: .*adding-a-track/s),
      });
      expect(made.error).toMatch(said);
      expect(made.error).not.toMatch(/^\s+at /m);
      const config = [
        'dataDirectory: ./data',
        'coordinator: { addresses: ["127.0.0.1:1"] }',
        'dataKey: { environment: KEY }',
      ];
      const text = [...config, `tracks: [{ id: mine, folder: ${JSON.stringify(track)} }]`].join('\n');
      await writeFile(join(track, 'client.yaml'), text);
      const checked = await runTestudo('client', '--config', join(track, 'client.yaml'), '--check');
      expect(checked).toMatchObject({
        code: 1,
        out: '',
        error: expect.stringMatching(/^CONFIG_INVALID: tracks: mine: /),
      });
      expect(checked.error).toMatch(said);
    },
    600_000,
  );
});
