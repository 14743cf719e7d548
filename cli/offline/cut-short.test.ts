import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evidenceSpec } from '../../client/tracks/api/memory/evidence-table.ts';
import { csvOf, normalTraffic, request, userOf } from '../../client/tracks/api/testing/small-shop.ts';
import { saveFlowModel } from '../../client/tracks/flow/flow-model-folder.ts';
import { initialLinkModel, linkSpec } from '../../client/tracks/flow/link/link-model.ts';
import { jsonBytes, writeModelFiles } from '../../client/tracks/model-files.ts';
import { openDetector } from '../../client/tracks/syscall/architectures.ts';
import { gramTableSpec, initialGramTable } from '../../client/tracks/syscall/gram-table/gram-table.ts';
import { saveModelFolder } from '../../client/tracks/syscall/offline/model-folder.ts';
import { WorkloadClasses } from '../../client/tracks/syscall/traces/workload-classes.ts';
import { bytesOfValues } from '../../proto/layout.ts';
import { runTestudo } from '../testing/command-line.ts';

const traces = [
  'attack\tc\tnginx\tx\tstrange\t59 101 59 62 101 0 1',
  'validation\tc\tnginx\tnormal\tusual\t0 1 0 1 3',
  'train\tc\tnginx\tnormal\tlearnt\t0 1 0 1 0',
];
const header = 'start_s,duration_s,cluster,src_service,dst_service,dst_port,protocol,bytes_out,bytes_in,label,family';
const flow = (second: number, to: string, family: string) =>
  `${second},0.1,c,web,${to},443,tcp,10,20,${family === 'normal' ? 'normal' : 'attack'},${family}`;
const flows = [header, ...Array.from({ length: 20 }, (_, at) => flow(at * 5, 'db', 'normal')), flow(101, 'cache', 'x')];
const attack = request(13 * 3_600, 'theone', userOf(3), { method: 'GET', path: '/catalogue/debug', attack: 'sqli' });
const rows = Array.from({ length: 120 }, (_, at) =>
  at < 100 ? `${at % 10},${(at % 10) * 3},normal` : `${at % 10},${90 - (at % 7)},neptune`,
);

let folder: string;
const at = (name: string) => join(folder, name);

/** A packed file that lacks its end: everything in it can be read, and nothing says that it was all. */
async function writeCut(name: string, lines: readonly string[]): Promise<void> {
  const text = `${lines.join('\n').trimEnd()}\n`;
  await writeFile(at(`whole-${name}`), text);
  await writeFile(at(`cut-${name}`), gzipSync(text).subarray(0, -4));
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-cut-'));
  const spec = gramTableSpec(new WorkloadClasses(['nginx']), 2 ** 10);
  const detector = await openDetector(spec);
  await saveModelFolder(at('calls'), { detector, weights: initialGramTable(spec), clusters: new Map() });
  const linked = linkSpec('gcn');
  await saveFlowModel(at('flows'), { spec: linked, weights: initialLinkModel(linked, 1), clusters: new Map() });
  const api = new Map([
    ['spec.json', jsonBytes(evidenceSpec(2 ** 12))],
    ['weights.bin', bytesOfValues(new Float32Array(2 ** 12))],
  ]);
  await writeModelFiles(at('api'), api);
  await writeCut('calls', traces);
  await writeCut('flows', flows);
  await writeCut('api', [csvOf([...normalTraffic(), ...attack].sort((a, b) => a.t - b.t))]);
  await writeCut('rows', ['duration,src_bytes,attack', ...rows]);
  const begun = await runTestudo(
    'model',
    'init',
    at('rows'),
    '--track',
    'feature-rows',
    '--scale-from',
    at('whole-rows'),
  );
  expect(begun.code).toBe(0);
  const trained = ['model', 'train', '--model', at('rows'), '--output', at('rows-learnt'), '--steps', '5'];
  expect((await runTestudo(...trained, '--input', at('whole-rows'))).code).toBe(0);
}, 600_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

const saysSo = /INPUT_CUT_SHORT: .*cut-[a-z]+ was not read to its end \(unexpected end of file\).*copy the file again/;

describe('an input that was cut short', () => {
  it.each([
    ['calls', 'calls'],
    ['flows', 'flows'],
    ['api', 'api'],
    ['rows', 'rows-learnt'],
  ])(
    'of %s: score and evaluate answer about what they read, say so and end with 1',
    async (kind, model) => {
      const scored = (input: string) =>
        runTestudo('score', '--model', at(model), '--input', at(input), '--output', at(`${input}.tsv`));
      expect(await scored(`whole-${kind}`)).toMatchObject({ code: 0, error: expect.not.stringContaining('CUT_SHORT') });
      expect(await scored(`cut-${kind}`)).toMatchObject({ code: 1, error: expect.stringMatching(saysSo) });
      expect(await readFile(at(`cut-${kind}.tsv`))).toEqual(await readFile(at(`whole-${kind}.tsv`)));
      const measured = (...names: string[]) =>
        runTestudo('evaluate', '--model', at(model), '--input', ...names.map(at), '--json');
      const whole = await measured(`whole-${kind}`);
      expect(whole.code).toBe(0);
      const cut = await measured(`cut-${kind}`);
      expect(cut).toMatchObject({ code: 1, error: expect.stringMatching(saysSo), out: whole.out });
      // One of several is enough, wherever it stands.
      expect(await measured(`cut-${kind}`, `whole-${kind}`)).toMatchObject({ code: 1 });
    },
    600_000,
  );

  it.each([
    ['calls', 'calls'],
    ['flows', 'flows'],
    ['api', 'api'],
    ['rows', 'rows-learnt'],
  ])(
    'of %s: so do they where something else follows packed data, or a plain file ends amid a line; a whole line without an end is none',
    async (kind, model) => {
      const whole = await readFile(at(`whole-${kind}`), 'utf8');
      await writeFile(at(`junk-${kind}`), Buffer.concat([gzipSync(whole), Buffer.from('-----BEGIN SIGNATURE-----')]));
      await writeFile(at(`plain-${kind}`), `${whole}${whole.split('\n').at(-2)?.slice(0, 4)}`);
      await writeFile(at(`noend-${kind}`), whole.trimEnd());
      const scored = async (input: string) => {
        const ended = await runTestudo('score', '--model', at(model), '--input', at(input), '--output', at('of.tsv'));
        return { ...ended, scores: await readFile(at('of.tsv'), 'utf8') };
      };
      const { scores } = await scored(`whole-${kind}`);
      expect(await scored(`junk-${kind}`)).toMatchObject({
        ...{ code: 1, scores },
        error: expect.stringMatching(
          /INPUT_CUT_SHORT: .*junk-\w+ was not read to its end \(the packed data are damaged, or/,
        ),
      });
      expect(await scored(`plain-${kind}`)).toMatchObject({
        // Every line of a file of traces has its score, those that make no sense 0.
        ...{ code: 1, scores: kind === 'calls' ? `${scores}line-4\t0\n` : scores },
        error: expect.stringMatching(
          /INPUT_CUT_SHORT: .*plain-\w+ was not read to its end \(its last line is cut off\)/,
        ),
      });
      expect(await scored(`noend-${kind}`)).toMatchObject({
        ...{ code: 0, scores, error: expect.not.stringContaining('CUT_SHORT') },
      });
    },
    600_000,
  );

  it('of a packing that is not read: every verb says which it is, and asks nothing', async () => {
    await writeFile(at('of.xz'), Buffer.from('fd377a585a000004e6d6b446', 'hex'));
    const ofXz = /packed by xz, which is not read: unpack it \(unxz\), or pack it by gzip or zstd$/m;
    const model = ['--model', at('flows')];
    for (const words of [
      ['map', '--input', at('of.xz')],
      ['score', '--model', at('calls'), '--input', at('of.xz'), '--output', at('x.tsv')],
      ['score', ...model, '--input', at('of.xz'), '--output', at('x.tsv')],
      ['score', '--model', at('api'), '--input', at('of.xz'), '--output', at('x.tsv')],
      ['score', '--model', at('rows-learnt'), '--input', at('of.xz'), '--output', at('x.tsv')],
      ['evaluate', ...model, '--input', at('of.xz')],
      ['evaluate', ...model, '--input', at('of.xz'), '--hide-edges', '0.5'],
    ]) {
      const ended = await runTestudo(...words);
      expect([words[0], ended]).toEqual([words[0], expect.objectContaining({ code: 1, out: '' })]);
      expect(ended.error).toMatch(ofXz);
      expect(ended.error).not.toContain('is it a');
    }
  }, 600_000);

  it('is told by map, and by a command that reads it beside its input', async () => {
    const mapped = await runTestudo('map', '--input', at('cut-api'), '--json');
    expect(mapped).toMatchObject({ code: 1, error: expect.stringMatching(saysSo) });
    expect(mapped.out).toBe((await runTestudo('map', '--input', at('whole-api'), '--json')).out);
    const beside = ['score', '--model', at('flows'), '--input', at('whole-flows'), '--output', at('beside.tsv')];
    const learnt = await runTestudo(...beside, '--normal', at('cut-flows'));
    expect(learnt).toMatchObject({ code: 1, error: expect.stringMatching(saysSo) });
  }, 600_000);

  it('is told by explain, which answers as well; model train writes no model of it, and what was there stays', async () => {
    const explained = await runTestudo('explain', 'usual', '--model', at('calls'), '--input', at('cut-calls'));
    expect(explained).toMatchObject({ code: 1, error: expect.stringMatching(saysSo) });
    expect(explained.out).not.toBe('');
    const train = ['model', 'train', '--model', at('rows'), '--output', at('rows-cut'), '--steps', '5'];
    expect(await runTestudo(...train, '--input', at('whole-rows'))).toMatchObject({ code: 0 });
    const before = await readFile(at('rows-cut/weights.bin'));
    for (const inputs of [['cut-rows'], ['whole-rows', 'cut-rows'], ['cut-rows', 'whole-rows']]) {
      const trained = await runTestudo(...train, '--input', ...inputs.map(at));
      expect(trained).toMatchObject({ code: 1, out: '', error: expect.stringMatching(/; no model was written\n$/) });
      expect(trained.error).toMatch(saysSo);
    }
    expect(await readFile(at('rows-cut/weights.bin'))).toEqual(before);
  }, 600_000);

  it('makes no baseline, whatever else there is, and what was there stays', async () => {
    await writeFile(at('cut.zst'), zstdCompressSync(`${traces.join('\n')}\n`).subarray(0, -1));
    await writeFile(at('kept.json'), '{}');
    for (const input of ['cut-calls', 'cut.zst']) {
      for (const inputs of [[input], ['whole-calls', input], [input, 'whole-calls']]) {
        for (const output of ['kept.json', 'none.json']) {
          const ended = await runTestudo('profile', ...inputs.map(at), '--output', at(output));
          expect(ended).toMatchObject({ code: 1, out: '' });
          expect(ended.error).toMatch(/^TRACE_FILE_CUT_SHORT: .*copy the file again; no baseline was written/);
        }
      }
    }
    expect(await readFile(at('kept.json'), 'utf8')).toBe('{}');
    expect(existsSync(at('none.json'))).toBe(false);
    // Lines that make no sense are another matter: what the others tell is whole.
    await writeFile(at('strange'), `${traces.join('\n')}\nno trace\n`);
    const ended = await runTestudo('profile', at('strange'), '--output', at('kept.json'));
    expect(ended).toMatchObject({ code: 1, out: expect.stringContaining('nginx: 2 traces') });
    expect(await readFile(at('kept.json'), 'utf8')).not.toBe('{}');
  }, 600_000);
});
