import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rememberModel } from '../../client/scoring/installed-model.ts';
import { openDetector } from '../../client/tracks/syscall/architectures.ts';
import { syscallDetector } from '../../client/tracks/syscall/detectors.ts';
import { gramTableSpec, trainGramTable } from '../../client/tracks/syscall/gram-table/gram-table.ts';
import { saveModelFolder } from '../../client/tracks/syscall/offline/model-folder.ts';
import { WorkloadClasses } from '../../client/tracks/syscall/traces/workload-classes.ts';
import { digestOf } from '../../proto/digest.ts';
import { bytesOfValues } from '../../proto/layout.ts';
import { specBytes } from '../../proto/model-spec.ts';
import { runTestudo } from '../testing/command-line.ts';

const run = promisify(execFile);
const usual = Uint16Array.from({ length: 60 }, (_, at) => 10 + (at % 5));
const spec = gramTableSpec(new WorkloadClasses(['nginx']), 2 ** 12);
const weights = bytesOfValues(trainGramTable(spec, [{ service: 'nginx', calls: usual }]).weights);
const hexOf = (digest: string) => digest.slice('sha256:'.length);

let data: string;
beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'testudo-score-'));
  await writeFile(
    join(data, 'input.tsv'),
    'attack\tc\tnginx\tx\tstrange\t59 101 59 62 101 0 1 0 1 3\nnormal\tc\tnginx\tn\tusual\t0 1 0 1\n',
  );
});
afterAll(() => rm(data, { recursive: true, force: true }));

async function score(model: string, ...rest: string[]) {
  const output = join(data, 'scores.tsv');
  const input = join(data, 'input.tsv');
  const { code, error } = await runTestudo('score', '--model', model, ...rest, '--input', input, '--output', output);
  if (code !== 0) throw Object.assign(new Error(error), { code, stderr: error });
  const lines = (await readFile(output, 'utf8')).trimEnd().split('\n');
  return lines.map((line) => line.split('\t')[0]);
}

describe('testudo score --model DIGEST', () => {
  it('finds the base of a round that the client fetched', async () => {
    const digest = digestOf(weights);
    await rememberModel(join(data, 'installed', 'syscall'), { version: 3, digest, spec });
    await mkdir(join(data, 'models', 'syscall'), { recursive: true });
    await writeFile(join(data, 'models', 'syscall', `${hexOf(digest)}.f32`), weights);
    expect(await score(digest, '--data', data)).toEqual(['strange', 'usual']);
  });

  it('finds a release by its manifest or its weights, and refuses bytes that were altered', async () => {
    const folder = join(data, 'agent', 'files');
    await mkdir(folder, { recursive: true });
    const other = Buffer.from(bytesOfValues(new Float32Array(2 ** 12)));
    const files = [
      { name: 'spec.json', digest: digestOf(specBytes(spec)) },
      { name: 'weights.bin', digest: digestOf(other) },
    ];
    const manifest = Buffer.from(JSON.stringify({ format: 'testudo/release/1', files }));
    for (const bytes of [manifest, other, specBytes(spec)])
      await writeFile(join(folder, hexOf(digestOf(bytes))), bytes);
    expect(await score(digestOf(manifest), '--data', data)).toEqual(['strange', 'usual']);
    expect(await score(digestOf(other), '--data', data)).toEqual(['strange', 'usual']);
    await writeFile(join(folder, hexOf(digestOf(other))), Buffer.alloc(other.length, 1));
    await expect(score(digestOf(manifest), '--data', data)).rejects.toThrow(/MODEL_DAMAGED|the bytes of sha256/);
  });

  it('takes the digits alone, and as few as name one, as `releases list` shows them', async () => {
    const folder = join(data, 'short');
    const digest = digestOf(weights);
    await rememberModel(join(folder, 'installed', 'syscall'), { version: 3, digest, spec });
    await mkdir(join(folder, 'models', 'syscall'), { recursive: true });
    await writeFile(join(folder, 'models', 'syscall', `${hexOf(digest)}.f32`), weights);
    for (const length of [64, 12, 6])
      expect(await score(hexOf(digest).slice(0, length), '--data', folder)).toEqual(['strange', 'usual']);
    expect(await score(digest.slice(0, 'sha256:'.length + 12), '--data', folder)).toEqual(['strange', 'usual']);
    const unlike = hexOf(digest).startsWith('0') ? '1'.repeat(12) : '0'.repeat(12);
    await expect(score(unlike, '--data', folder)).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        new RegExp(`^MODEL_NOT_HELD: ${unlike} names 0 of the models .*one of: ${hexOf(digest).slice(0, 12)}\\n$`),
      ),
    });
    await mkdir(join(folder, 'agent', 'files'), { recursive: true });
    const manifest = (twin: string) =>
      JSON.stringify({ format: 'testudo/release/1', files: [{ name: 'weights.bin', digest: `sha256:${twin}` }] });
    await writeFile(
      join(folder, 'agent', 'files', 'twin'),
      manifest(`${hexOf(digest).slice(0, 63)}${hexOf(digest).endsWith('0') ? '1' : '0'}`),
    );
    await expect(score(hexOf(digest).slice(0, 12), '--data', folder)).rejects.toThrow('names 2 of the models');
    expect(await score(hexOf(digest), '--data', folder)).toEqual(['strange', 'usual']);
    await expect(score(hexOf(digest).slice(0, 12))).rejects.toThrow('--model DIGEST needs --data');
  });

  it('says what is missing', async () => {
    await expect(score(digestOf(Buffer.from('nothing')), '--data', data)).rejects.toThrow('is not among the models');
    await expect(score(digestOf(weights))).rejects.toThrow('--model DIGEST needs --data');
  });
});

describe('testudo score --call-weights tfidf', () => {
  it('learns the clusters anew from --normal and weighs their rare calls more, and needs it', async () => {
    const folder = join(data, 'model');
    const detector = await openDetector(spec);
    await saveModelFolder(folder, { detector, weights: valuesOf(weights), clusters: new Map() });
    const normal = join(data, 'normal.tsv');
    const lines = Array.from({ length: 12 }, (_, at) => `train\tc\tnginx\tnormal\tn${at}\t${'0 1 '.repeat(9 + at)}3`);
    await writeFile(normal, `${lines.join('\n')}\n`);
    const strange = async (...rest: string[]) => {
      await score(folder, '--normal', normal, ...rest);
      return Number((await readFile(join(data, 'scores.tsv'), 'utf8')).split('\n')[0]?.split('\t')[1]);
    };
    const plain = await strange();
    expect(await strange('--call-weights', 'tfidf')).not.toBe(plain);
    await expect(score(folder, '--call-weights', 'tfidf')).rejects.toMatchObject({
      stderr: expect.stringContaining('--normal'),
    });
  });
});

describe('testudo score', () => {
  it('loads TensorFlow for a model that needs it, and none for a gram table', async () => {
    const table = join(data, 'table');
    await saveModelFolder(table, {
      detector: await openDetector(spec),
      weights: valuesOf(weights),
      clusters: new Map(),
    });
    const network = join(data, 'network');
    const classes = new WorkloadClasses(['nginx']);
    const { spec: large, init } = syscallDetector('lstm-lm', classes);
    await saveModelFolder(network, { detector: await openDetector(large), weights: init(1), clusters: new Map() });
    const verb = JSON.stringify(new URL('./score.ts', import.meta.url).href);
    const isLoadedBy = async (model: string) => {
      const args = ['--model', model, '--input', join(data, 'input.tsv'), '--output', join(data, 'scores.tsv')];
      const program = `
        const { scoreCommand } = await import(${verb});
        await scoreCommand().parseAsync(${JSON.stringify(args)}, { from: 'user' });
        const { readFileSync } = await import('node:fs');
        console.log(readFileSync('/proc/self/maps', 'utf8').includes('libtensorflow'));
      `;
      const flags = ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', program];
      return (await run(process.execPath, flags)).stdout.trimEnd();
    };
    expect(await isLoadedBy(table)).toBe('false');
    expect(await isLoadedBy(network)).toBe('true');
  });
});

function valuesOf(bytes: Uint8Array): Float32Array {
  return new Float32Array(Uint8Array.from(bytes).buffer);
}
