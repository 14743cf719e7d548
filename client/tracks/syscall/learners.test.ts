import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import { type ClassName, parseDigest } from '../../../proto/ids.ts';
import { bytesOfValues, layoutOf } from '../../../proto/layout.ts';
import { ExampleBuffer } from '../../learning/example-buffer.ts';
import { defaultPressureLimits } from '../../learning/pressure.ts';
import { trainLocally } from '../../learning/train-locally.ts';
import { Trainer } from '../../learning/trainer.ts';
import { moduleOfKind } from '../track-kinds.ts';
import { openSyscallLearner } from './architectures.ts';
import { syscallDetectorNames } from './detector-names.ts';
import { syscallDetector } from './detectors.ts';
import { gramTableSpec, initialGramTable } from './gram-table/gram-table.ts';
import { initialLanguageModel } from './language-model/language-model.ts';
import { languageModelSpec } from './language-model/language-model-spec.ts';
import type { Example } from './traces/example.ts';
import { WorkloadClasses } from './traces/workload-classes.ts';
import { trackKind } from './track.ts';
import { twoViewsSpec } from './two-views/two-views-spec.ts';

const sizes = { recent: 100, reservoir: 100, hard: 10, regression: 10 };
const plan = {
  epochs: 20,
  stepsMax: 12,
  batchSize: 16,
  learningRate: 0.01,
  clipNorm: 0,
  noiseMultiplier: 0,
  proximalMu: 0,
  seed: 3,
};
const classes = new WorkloadClasses(['nginx']);
const spec = languageModelSpec(classes);
const base = initialLanguageModel(spec, 1);
let folder: string;
let trainer: Trainer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-learner-'));
  // The test runner and TensorFlow twice: more than a client is.
  trainer = new Trainer({ limits: { ...defaultPressureLimits, rssBytesMax: 2 ** 32, loopDelayMsMax: 60_000 } });
  const buffer = unwrap(
    ExampleBuffer.open(join(folder, 'examples.db'), Buffer.alloc(32, 5), trackKind.examples, sizes),
  );
  const traces = Array.from({ length: 40 }, (_, at) => ({
    workload: 'nginx',
    calls: Uint16Array.from({ length: 60 }, (_, index) => 2 + ((index * (1 + (at % 3))) % 7)),
  }));
  unwrap(buffer.add(traces, 0));
  buffer.close();
  await writeFile(join(folder, 'base.f32'), bytesOfValues(base));
});
afterAll(async () => {
  await trainer.close();
  await rm(folder, { recursive: true, force: true });
});

function run(over: object = {}) {
  return trainer.run(
    {
      kindModule: moduleOfKind('syscall') ?? '',
      spec,
      basePath: join(folder, 'base.f32'),
      bufferPath: join(folder, 'examples.db'),
      bufferSizes: sizes,
      dataKey: Buffer.alloc(32, 5),
      plan,
      gradientClipNorm: 1,
      hardRepeats: 1,
      coresMax: 8,
      ...over,
    },
    new AbortController().signal,
  );
}

describe('built-in learners', () => {
  it('bring the language model to get better at a buffer of regular traces in its own process, to the same bits twice', async () => {
    const first = unwrap(await run());
    expect(first.steps).toBe(12);
    expect(first.lastLoss).toBeLessThan(first.firstLoss);
    expect(first.delta.length).toBe(base.length);
    expect(unwrap(await run()).delta).toEqual(first.delta);
  });

  it('take private steps there, and say what they used; a gram table refuses', async () => {
    const perStep = { clipNorm: 1, noiseMultiplier: 1.1 };
    const trained = unwrap(await run({ perStep }));
    expect(trained.perStep).toEqual({ noiseMultiplier: 1.1, sampling: 1, steps: 12 }); // Three distinct traces.
    // The noise is secret: the seed does not repeat it.
    expect(unwrap(await run({ perStep })).delta).not.toEqual(trained.delta);
    const table = gramTableSpec(new WorkloadClasses(['nginx']), 2 ** 12);
    await writeFile(join(folder, 'table.f32'), bytesOfValues(initialGramTable(table)));
    expect(await run({ perStep, spec: table, basePath: join(folder, 'table.f32') })).toMatchObject({
      fault: { code: 'PRIVACY_PER_STEP_UNSUPPORTED' },
    });
  });

  it('count a gram table in one step, without loading TensorFlow', async () => {
    const table = gramTableSpec(new WorkloadClasses(['nginx']), 2 ** 12);
    await writeFile(join(folder, 'table.f32'), bytesOfValues(initialGramTable(table)));
    const trained = unwrap(await run({ spec: table, basePath: join(folder, 'table.f32') }));
    expect(trained.steps).toBe(1);
    // Three shapes of trace: every call after the first few is explained by some gram.
    expect(trained.delta.filter((value) => value > 0).length).toBeGreaterThan(20);
  });

  it('say that they count where they do', async () => {
    const counting = await Promise.all(
      syscallDetectorNames.map(async (name) => {
        const detector = syscallDetector(name, classes);
        const options = { seed: 1, stepsMax: 1, classes: ['nginx' as ClassName] };
        const learner = unwrap(await openSyscallLearner(detector.spec, detector.init(1), options));
        learner.close();
        return [name, learner.counts === true] as const;
      }),
    );
    expect(Object.fromEntries(counting)).toEqual({
      'two-views': true,
      'gram-table': true,
      'class-table': true,
      'lstm-lm': false,
      'lstm-autoencoder': false,
      'lstm-vae': false,
      ensemble: true, // One of its members counts.
    });
  });

  it('leave the trusted sample out of what the two views count, whatever share of it the plan mixes in', async () => {
    const views = twoViewsSpec(classes, { gramSlots: 2 ** 12, pairSlots: 2 ** 10 });
    const train = (sample: readonly Example[]) =>
      trainLocally({
        spec: views,
        base: new Float32Array(layoutOf(views).length),
        examples: [{ workload: 'nginx', calls: Uint16Array.of(2, 3, 4) }],
        sample,
        hard: [],
        hardRepeats: 0,
        gradientClipNorm: 1,
        plan: { ...plan, sample: { mix: 0.5, digest: parseDigest(`sha256:${'a'.repeat(64)}`), sizeBytes: 1 } },
        kind: trackKind,
        unit: () => 0,
        mayGoOn: async () => true,
      });
    const mixed = unwrap(await train([{ workload: 'nginx', calls: Uint16Array.of(7, 8, 9) }]));
    expect(mixed.delta).toEqual(unwrap(await train([])).delta);
    expect(Math.hypot(...mixed.delta)).toBeGreaterThan(4);
  });

  it('refuse a spec that this build cannot train', async () => {
    expect(await run({ spec: { ...spec, architecture: 'flow-graph/9' } })).toMatchObject({
      fault: { code: 'MODEL_UNUSABLE' },
    });
    const other = { ...spec, hyperparameters: { ...spec.hyperparameters, vocabulary: 'another' } };
    expect(await run({ spec: other })).toMatchObject({ fault: { code: 'MODEL_UNUSABLE' } });
  });
});
