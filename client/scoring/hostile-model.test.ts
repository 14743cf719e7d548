import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import onnxProto from 'onnx-proto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { digestOf } from '../../proto/digest.ts';
import type { Digest } from '../../proto/ids.ts';
import { bytesOfValues } from '../../proto/layout.ts';
import type { ModelSpec } from '../../proto/model-spec.ts';
import { ExampleBuffer } from '../learning/example-buffer.ts';
import { gramTableSpec, initialGramTable } from '../tracks/syscall/gram-table/gram-table.ts';
import { writeLightForm } from '../tracks/syscall/light/light-forms.ts';
import { WorkloadClasses } from '../tracks/syscall/traces/workload-classes.ts';
import { trackKind } from '../tracks/syscall/track.ts';
import { moduleOfKind } from '../tracks/track-kinds.ts';
import { nameOf, type ScoringModel } from './score-protocol.ts';
import { Scorer } from './scoring-thread.ts';

/**
 * Files of a model that nobody honest wrote, with digests that are right: each is refused by code while the live model
 * goes on, in its own thread with its own memory.
 */
const { onnx } = onnxProto;
const spec = gramTableSpec(new WorkloadClasses(['nginx']), 2 ** 12);
const weights = initialGramTable(spec);
const example = { workload: 'nginx', calls: Uint16Array.of(1, 2, 3, 1, 2, 3) };
const buffer = { recent: 100, reservoir: 100, hard: 10, regression: 10 };

let folder: string;
let scorer: Scorer;
let light: Uint8Array;
let made = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-hostile-model-'));
  const opened = unwrap(
    ExampleBuffer.open(join(folder, 'examples.db'), Buffer.alloc(32, 1), trackKind.examples, buffer),
  );
  unwrap(
    opened.add(
      Array.from({ length: 30 }, () => example),
      1,
    ),
  );
  opened.close();
  light = (await writeLightForm(spec, weights)) as Uint8Array;
  scorer = new Scorer();
  const live = await model(Buffer.from(bytesOfValues(weights)));
  unwrap(await scorer.load(live, 1));
  unwrap(await scorer.swap(nameOf(live)));
});

afterAll(async () => {
  await scorer.close();
  await rm(folder, { recursive: true, force: true });
});

/** What the catalogue would name: bytes on disk under their true digest. */
async function file(bytes: Uint8Array): Promise<{ digest: Digest; path: string }> {
  made += 1;
  const path = join(folder, `${made}`);
  await writeFile(path, bytes);
  return { digest: digestOf(bytes), path };
}

async function model(bytes: Uint8Array, over: Partial<ScoringModel> = {}): Promise<ScoringModel> {
  const { digest, path } = await file(bytes);
  return {
    ...{ kindModule: moduleOfKind('syscall') as string, spec, version: made, digest, weightsPath: path },
    ...{ bufferPath: join(folder, 'examples.db'), bufferSizes: buffer, dataKey: Buffer.alloc(32, 1) },
    ...over,
  };
}

/** Refused with a code, within bounded memory; the live model scores before and after. */
async function refused(hostile: ScoringModel): Promise<{ code: string; message: string }> {
  const before = process.memoryUsage().rss;
  const loaded = await scorer.load(hostile, 1);
  expect(process.memoryUsage().rss - before).toBeLessThan(256 * 2 ** 20);
  const scored = unwrap(await scorer.score([example]));
  expect(scored.live.scores).toHaveLength(1);
  if (loaded.ok) throw new Error('it was loaded');
  return loaded.fault;
}

type Model = InstanceType<typeof onnx.ModelProto>;

type Graph = NonNullable<Model['graph']>;
type Part<Name extends 'node' | 'initializer' | 'output'> = NonNullable<Graph[Name]>[number];

/** The real light form with something done to its lists. */
function altered(
  change: (
    lists: { nodes: Part<'node'>[]; tensors: Part<'initializer'>[]; outputs: Part<'output'>[] },
    whole: Model,
  ) => void,
): Uint8Array {
  const whole = onnx.ModelProto.decode(light);
  const { graph } = whole;
  if (graph === null || graph === undefined) throw new Error('the light form has no graph');
  const lists = { nodes: graph.node ?? [], tensors: graph.initializer ?? [], outputs: graph.output ?? [] };
  change(lists, whole);
  graph.node = lists.nodes;
  graph.initializer = lists.tensors;
  return onnx.ModelProto.encode(whole).finish();
}

/** With another first tensor. */
const withTensor = (over: object) => altered(({ tensors }) => void tensors.splice(0, 1, tensor(over)));
const withNodes = (...more: Part<'node'>[]) => altered(({ nodes }) => void nodes.push(...more));

const tensor = (over: object) => onnx.TensorProto.create({ name: 't1', dataType: 1, dims: [1], ...over });
const node = (opType: string, input: string[], output: string[], over: object = {}) =>
  onnx.NodeProto.create({ opType, input, output, ...over });
const external = (location: string) =>
  withTensor({ dataLocation: 1, externalData: [{ key: 'location', value: location }] });
const evil = onnx.OperatorSetIdProto.create({ domain: 'evil', version: 1 });
/** The last two steps, logarithm and minus, changed places: the logarithm of what is negative. */
const negativeLogarithm = ({ nodes }: { nodes: Part<'node'>[] }) => {
  for (const one of nodes) {
    if (one.opType === 'Log') one.opType = 'Neg';
    else if (one.opType === 'Neg') one.opType = 'Log';
  }
};
const branch = { attribute: [{ name: 'to', type: 5, g: {} }] };
const many = Array.from({ length: 50_000 }, (_, at) => node('Neg', ['t1'], [`n${at}`]));
const often = { name: 'often', dataType: 7, dims: [1], rawData: Buffer.from(BigInt64Array.of(2n ** 40n).buffer) };

describe('a light form is refused that', () => {
  const files: readonly [string, RegExp, () => Uint8Array][] = [
    ['is empty', /no graph/, () => new Uint8Array(0)],
    ['is rubbish', /no ONNX model|no graph|nodes/, () => Buffer.alloc(4_096, 0xa7)],
    ['is cut in half', /no ONNX model/, () => light.subarray(0, light.length >> 1)],
    ['is a web page', /no ONNX model|no graph/, () => Buffer.from('<html></html>')],
    ['has its weights in /etc/passwd', /another file/, () => external('/etc/passwd')],
    ['has its weights above its folder', /another file/, () => external('../../identity.sealed')],
    ['claims a tensor of 2^40 values', /size/, () => withTensor({ dims: [2 ** 20, 2 ** 20] })],
    ['has a dimension below nothing', /dimension/, () => withTensor({ dims: [-4] })],
    ['has a tensor of texts', /type 8/, () => withTensor({ dataType: 8 })],
    ['loops', /Loop/, () => withNodes(node('Loop', ['t1', 't2'], ['x']))],
    ['makes values from a shape', /ConstantOfShape/, () => withNodes(node('ConstantOfShape', ['t1'], ['x']))],
    ['branches into a graph of its own', /plain value/, () => withNodes(node('Cast', ['t1'], ['x'], branch))],
    ['runs operations of a stranger', /none of those/, () => withNodes(node('Neg', ['t1'], ['x'], { domain: 'evil' }))],
    ['names operations of a stranger', /foreign/, () => altered((_, { opsetImport }) => void opsetImport?.push(evil))],
    [
      'repeats without bound',
      /repeats/,
      () =>
        altered(({ nodes, tensors }) => {
          tensors.push(tensor(often));
          nodes.push(node('Tile', ['t1', 'often'], ['x']));
        }),
    ],
    ['repeats by what it computes', /not constant/, () => withNodes(node('Tile', ['t1', 'surprisal'], ['x']))],
    ['feeds itself', /cannot be opened/, () => withNodes(node('Neg', ['b'], ['a']), node('Neg', ['a'], ['b']))],
    ['has no nodes', /0 nodes/, () => altered(({ nodes }) => void nodes.splice(0))],
    ['has fifty thousand nodes', /nodes/, () => altered(({ nodes }) => void nodes.splice(0, nodes.length, ...many))],
  ];
  it.each(files)('%s', async (_, message, bytes) => {
    const hostile = await model(Buffer.from(bytesOfValues(weights)), { light: await file(bytes()) });
    const { code, message: said } = await refused(hostile);
    expect(code).toMatch(/^(MODEL_UNUSABLE|MODEL_NOT_FINITE|SCORING_FAILED)$/);
    expect(said).toMatch(message);
    expect(said.length).toBeLessThan(700);
  });
});

it('a light form that answers no numbers takes nothing away: what this cluster knows of itself judges alone', async () => {
  const blind = await model(Buffer.from(bytesOfValues(weights)), { light: await file(altered(negativeLogarithm)) });
  const { normal } = unwrap(await scorer.load(blind, 1));
  expect([...normal.values()].flat().every(Number.isFinite)).toBe(true);
  const strange = { workload: 'nginx', calls: Uint16Array.of(101, 59, 59, 41, 33, 59) };
  const [usual, unusual] = unwrap(await scorer.assess(nameOf(blind), [example, strange]));
  expect(unusual?.scores[0]).toBeGreaterThan(2 + (usual?.scores[0] as number));
});

describe('weights are refused that', () => {
  const nan = () => Buffer.from(bytesOfValues(weights.map((_, at) => (at === 4_095 ? Number.NaN : 0))));
  const whole = () => Buffer.from(bytesOfValues(weights));
  const other = (over: Partial<ModelSpec>): Partial<ScoringModel> => ({ spec: { ...spec, ...over } });
  const cases: readonly [string, string, () => Buffer, Partial<ScoringModel>][] = [
    ['hold one value that is no number', 'MODEL_NOT_FINITE', nan, {}],
    ['are a value short', 'LENGTH_MISMATCH', () => whole().subarray(4), {}],
    ['are a byte long', 'LENGTH_MISMATCH', () => Buffer.alloc(1), {}],
    ['are nothing', 'LENGTH_MISMATCH', () => Buffer.alloc(0), {}],
    ['have an architecture that is not ours', 'SCORING_FAILED', whole, other({ architecture: 'evil/1' })],
    ['have one named like a property of every object', 'SCORING_FAILED', whole, other({ architecture: 'constructor' })],
    [
      'have a spec of 2^40 slots',
      'SCORING_FAILED',
      whole,
      other({ hyperparameters: { ...spec.hyperparameters, slots: 2 ** 40 } }),
    ],
    [
      'have classes that are no list',
      'SCORING_FAILED',
      whole,
      other({ hyperparameters: { ...spec.hyperparameters, vocabulary: '' } }),
    ],
  ];
  it.each(cases)('%s', async (_, code, bytes, over) => {
    expect((await refused(await model(bytes(), over))).code).toBe(code);
  });

  it('have other bytes than their digest says, or no bytes at all', async () => {
    const changed = await model(whole());
    await writeFile(changed.weightsPath, Buffer.alloc(whole().length, 1));
    expect((await refused(changed)).code).toBe('MODEL_DIGEST_MISMATCH');
    expect((await refused({ ...(await model(whole())), weightsPath: join(folder, 'nowhere') })).code).toBe(
      'MODEL_UNREADABLE',
    );
  });
});
