import { existsSync } from 'node:fs';
import { link, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { saveFlowModel } from '../../client/tracks/flow/flow-model-folder.ts';
import { initialLinkModel, linkSpec } from '../../client/tracks/flow/link/link-model.ts';
import { openDetector } from '../../client/tracks/syscall/architectures.ts';
import { gramTableSpec, initialGramTable } from '../../client/tracks/syscall/gram-table/gram-table.ts';
import { saveModelFolder } from '../../client/tracks/syscall/offline/model-folder.ts';
import { WorkloadClasses } from '../../client/tracks/syscall/traces/workload-classes.ts';
import { runTestudo } from '../testing/command-line.ts';

const flowHeader =
  'start_s,duration_s,cluster,src_service,dst_service,dst_port,protocol,bytes_out,bytes_in,label,family\n';
const traces = 'attack\tc\tnginx\tx\tstrange\t59 101 59\nvalidation\tc\tnginx\tnormal\tusual\t0 1 0 1\n';
/** Always the same 5,000 bytes, of which none are text: the multiplicative generator of Lewis, Goodman and Miller. */
const noise = Buffer.alloc(5_000);
for (let at = 0, state = 1; at < noise.length; at++) {
  state = (state * 16_807) % 2_147_483_647;
  noise[at] = (state >> 8) & 0xff;
}
/** So little that not one line can be unpacked. */
const cut = (packed: Buffer) => packed.subarray(0, Math.floor(packed.length / 2));
const unusable: readonly (readonly [string, Buffer | undefined, RegExp])[] = [
  ['an empty file', Buffer.alloc(0), /empty|no trace|no flow|0 flows/],
  ['/dev/null', undefined, /empty|no trace|no flow|0 flows/],
  ['5,000 bytes of noise', noise, /none of the \d+ lines|no trace|no flow|0 flows.*passed over/],
  ['a file packed by xz', Buffer.from('\xfd7zXZ\0\0\x04', 'latin1'), /packed by xz, which is not read: unpack it/],
  ['a table in UTF-16', Buffer.from(`\ufeff${flowHeader}`, 'utf16le'), /this is UTF-16: write it as UTF-8/],
  ['a cut gzip file', cut(gzipSync('a\t1\n')), /end too early|unexpected end of file/],
  ['a cut zstd file', cut(zstdCompressSync('a\t1\n')), /end too early|unexpected end of file/],
];

/** Every output for every input with either model; `npm run campaign:unusable` sets it. */
const everyOutput = process.env.TESTUDO_UNUSABLE_OUTPUTS === 'all';

let folder: string;
const at = (name: string) => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-unusable-'));
  const spec = gramTableSpec(new WorkloadClasses(['nginx']), 2 ** 10);
  const detector = await openDetector(spec);
  await saveModelFolder(at('calls'), { detector, weights: initialGramTable(spec), clusters: new Map() });
  const flows = linkSpec('gcn');
  await saveFlowModel(at('flows'), { spec: flows, weights: initialLinkModel(flows, 1), clusters: new Map() });
  for (const [name, bytes] of unusable) if (bytes !== undefined) await writeFile(at(name), bytes);
  await writeFile(at('flows.csv'), flowHeader);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const placeOf = (name: string) => (name.startsWith('/') ? name : at(name));

describe('an input in which nothing can be used', () => {
  it.each(unusable.map((each, turn) => [...each, turn] as const))(
    '%s is refused by score, for calls and for flows, and what was there stays',
    async (name, _, said, turn) => {
      await writeFile(at('kept.tsv'), 'of an earlier run\n');
      const outputs = [at('kept.tsv'), at('none.tsv'), '-'];
      for (const [which, model] of ['calls', 'flows'].entries()) {
        // Each output for each input with one of the models, by turns: every pair of the three comes, in half of the processes.
        for (const output of outputs.filter((_, place) => everyOutput || (place + turn + which) % 2 === 0)) {
          const ended = await runTestudo('score', '--model', at(model), '--input', placeOf(name), '--output', output);
          expect(ended).toMatchObject({ code: 1, out: '' });
          expect(ended.error).toMatch(/^INPUT_UNREADABLE: /);
          expect(ended.error).toMatch(said);
        }
      }
      expect(await readFile(at('kept.tsv'), 'utf8')).toBe('of an earlier run\n');
      for (const place of ['none.tsv', 'none.tsv.partial', 'kept.tsv.partial'])
        expect(existsSync(at(place))).toBe(false);
    },
  );

  it.each(unusable)('%s is refused by evaluate, explain and profile', async (name, _, said) => {
    const input = placeOf(name);
    for (const model of ['calls', 'flows']) {
      const measured = await runTestudo('evaluate', '--model', at(model), '--input', input);
      expect(measured).toMatchObject({ code: 1, out: '' });
      expect(measured.error).toMatch(said);
    }
    const explained = await runTestudo('explain', 'usual', '--model', at('calls'), '--input', input);
    expect(explained).toMatchObject({ code: 1, out: '' });
    expect(explained.error).toContain('TRACE_NOT_FOUND');
    await writeFile(at('kept.json'), '{}');
    const profiled = await runTestudo('profile', input, '--output', at('kept.json'));
    expect(profiled).toMatchObject({ code: 1, out: '' });
    expect(profiled.error).toContain('no baseline was written');
    expect(await readFile(at('kept.json'), 'utf8')).toBe('{}');
  });

  it('is a table of flows that has a header alone, and traces that were only learnt from', async () => {
    const flows = await runTestudo(
      'score',
      '--model',
      at('flows'),
      '--input',
      at('flows.csv'),
      '--output',
      at('f.tsv'),
    );
    expect(flows).toMatchObject({
      code: 1,
      error: expect.stringContaining('0 flows in 0 windows: nothing was scored'),
    });
    await writeFile(at('learnt.tsv'), 'train\tc\tnginx\tnormal\tusual\t0 1 0 1\n');
    const learnt = await runTestudo('evaluate', '--model', at('calls'), '--input', at('learnt.tsv'));
    expect(learnt).toMatchObject({ code: 1, error: expect.stringContaining('only traces of the split "train" (1)') });
  });
});

describe('an output that is an input', () => {
  it('is refused as a wrong command line before anything is read, whatever it is called', async () => {
    await writeFile(at('traces.tsv'), traces);
    await symlink(at('traces.tsv'), at('linked.tsv'));
    const ways = [
      ['score', '--model', at('no model'), '--input', at('traces.tsv'), '--output', at('traces.tsv')],
      ['score', '--model', at('no model'), '--input', at('traces.tsv'), '--output', `${folder}/./traces.tsv`],
      ['score', '--model', at('no model'), '--input', at('linked.tsv'), '--output', at('traces.tsv')],
      ['score', '--model', at('no model'), '--input', at('traces.tsv'), '--output', at('linked.tsv')],
      [
        'score',
        '--model',
        at('m'),
        '--input',
        at('flows.csv'),
        '--normal',
        at('traces.tsv'),
        '--output',
        at('traces.tsv'),
      ],
      ['profile', at('flows.csv'), at('traces.tsv'), '--output', at('traces.tsv')],
    ];
    for (const words of ways) {
      const ended = await runTestudo(...words);
      expect(ended).toMatchObject({
        code: 2,
        out: '',
        error: expect.stringMatching(/^USAGE: --output: .* overwritten/),
      });
    }
    expect(await readFile(at('traces.tsv'), 'utf8')).toBe(traces);
  });

  it('is another file where only its name is alike, and is standard output where it is "-"', async () => {
    await writeFile(at('same.tsv'), traces);
    await link(at('same.tsv'), at('other.tsv'));
    const words = ['score', '--model', at('calls'), '--input', at('same.tsv'), '--output'];
    expect(await runTestudo(...words, at('other.tsv'))).toMatchObject({ code: 0 });
    expect(await readFile(at('same.tsv'), 'utf8')).toBe(traces);
    const { code, out } = await runTestudo(...words, '-');
    expect(code).toBe(0);
    expect(out.split('\n').map((line) => line.split('\t')[0])).toEqual(['strange', 'usual', '']);
  });
});

it('evaluate says of a file of another kind what is wrong with its first lines, and how many more there are', async () => {
  await writeFile(at('rows.csv'), 'a,b,c\n'.repeat(300));
  const { code, error } = await runTestudo('evaluate', '--model', at('calls'), '--input', at('rows.csv'));
  const lines = error.trimEnd().split('\n');
  expect({ code, lines: lines.length }).toEqual({ code: 1, lines: 22 });
  expect(lines.at(-2)).toBe('and 280 more');
  expect(lines.at(-1)).toMatch(/^INPUT_UNREADABLE: /);
});
