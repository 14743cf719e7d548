import { describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { seededStream } from '../../base/random.ts';
import type { Learner, PrivateStepOptions } from '../tracks/learner.ts';
import { openSyscallLearner } from '../tracks/syscall/architectures.ts';
import { syscallDetector } from '../tracks/syscall/detectors.ts';
import { gramTableSpec, initialGramTable } from '../tracks/syscall/gram-table/gram-table.ts';
import type { Example } from '../tracks/syscall/traces/example.ts';
import { WorkloadClasses } from '../tracks/syscall/traces/workload-classes.ts';
import { trackKind } from '../tracks/syscall/track.ts';
import { norm } from './delta.ts';
import type { Plan } from './plan.ts';
import { takePrivateSteps } from './private-steps.ts';
import { trainLocally } from './train-locally.ts';

const plan: Plan = {
  epochs: 4,
  stepsMax: 1_000,
  batchSize: 5,
  learningRate: 0.01,
  clipNorm: 0,
  noiseMultiplier: 0,
  proximalMu: 0,
  seed: 5,
};
const classes = new WorkloadClasses(['nginx']);
const examples: Example[] = Array.from({ length: 20 }, (_, at) => ({
  workload: 'nginx',
  calls: Uint16Array.from({ length: 40 }, (_, index) => 2 + ((index * (1 + (at % 3))) % 7)),
}));
const privacy = { clipNorm: 0.5, noiseMultiplier: 2 };

/** Takes steps with a learner that only remembers what it was asked. */
async function asked(over: Partial<Plan> = {}, seed = 1) {
  const steps: { sampled: readonly unknown[]; options: PrivateStepOptions }[] = [];
  const learner: Learner = {
    batches: () => [],
    step: () => 0,
    privateStep: (sampled, options) => {
      steps.push({ sampled, options });
      return 1;
    },
    weights: () => new Float32Array(0),
    close: () => undefined,
  };
  const unit = seededStream(seed, 'noise');
  const training = { privacy, plan: { ...plan, ...over }, examples, unit, mayGoOn: async () => true };
  return { steps, taken: unwrap(await takePrivateSteps(learner, training)) };
}

describe('takePrivateSteps', () => {
  it('says what it used: the rate of the batch, and steps up to the plan’s', async () => {
    expect((await asked()).taken.use).toEqual({ noiseMultiplier: 2, sampling: 0.25, steps: 16 });
    expect((await asked({ stepsMax: 7 })).taken.use.steps).toBe(7);
    expect((await asked({ batchSize: 100 })).taken.use).toMatchObject({ sampling: 1, steps: 4 });
  });

  it('takes each example with the same probability, independently, and never by the plan’s seed', async () => {
    const { steps } = await asked({ epochs: 500, stepsMax: 2_000 });
    const counts = examples.map((one) => steps.filter(({ sampled }) => sampled.includes(one)).length);
    // 500 expected of 2,000, standard deviation 19.4.
    for (const count of counts) expect(Math.abs(count - 500)).toBeLessThan(97);
    const sizes = steps.map(({ sampled }) => sampled.length);
    const variance = sizes.reduce((sum, size) => sum + (size - 5) ** 2, 0) / sizes.length;
    // Binomial: 20 · 0.25 · 0.75 = 3.75. Batches of a fixed size would have none.
    expect(Math.abs(variance - 3.75)).toBeLessThan(0.6);
    const sampledOf = async (seed: number, secret: number) =>
      (await asked({ seed }, secret)).steps.map(({ sampled }) => sampled.length);
    expect(await sampledOf(6, 1)).toEqual(await sampledOf(7, 1));
    expect(await sampledOf(6, 1)).not.toEqual(await sampledOf(6, 2));
  });

  it('adds noise of noise multiplier times clip norm, anew in every step', async () => {
    const { steps } = await asked();
    const [first, second] = steps.map(({ options }) => {
      const sum = new Float32Array(40_000);
      options.addNoise(sum);
      return sum;
    }) as [Float32Array, Float32Array];
    // Standard deviation 1; its standard error 0.0035.
    expect(norm(first) / Math.sqrt(first.length)).toBeGreaterThan(0.98);
    expect(norm(first) / Math.sqrt(first.length)).toBeLessThan(1.02);
    const product = first.reduce((sum, value, at) => sum + value * (second[at] as number), 0) / first.length;
    expect(Math.abs(product)).toBeLessThan(0.025);
    expect(steps[0]?.options).toMatchObject({ clipNorm: 0.5, expectedExamples: 5 });
  });

  it('stops when it is told to', async () => {
    const learner = unwrap(await openSyscallLearner(...tables()));
    const training = { privacy, plan, examples, unit: seededStream(1, 'noise'), mayGoOn: async () => false };
    const stopped = await takePrivateSteps({ ...learner, privateStep: () => 0 }, training);
    expect(stopped).toMatchObject({ fault: { code: 'TRAINING_STOPPED' } });
  });
});

function tables() {
  const spec = gramTableSpec(classes, 2 ** 12);
  return [spec, initialGramTable(spec), { seed: 1, stepsMax: 10 }] as const;
}

describe('private training', () => {
  const language = syscallDetector('lstm-lm', classes);
  const train = (spec = language.spec, base = language.init(1), secret = 1) =>
    trainLocally({
      spec,
      base,
      examples,
      hard: [],
      hardRepeats: 4,
      gradientClipNorm: 1,
      plan: { ...plan, stepsMax: 6 },
      perStep: privacy,
      kind: trackKind as never,
      unit: seededStream(secret, 'noise'),
      mayGoOn: async () => true,
    });

  it('gives the same bits for the same seeds, others for another secret, and says what to book', async () => {
    const first = unwrap(await train());
    expect(first.perStep).toEqual({ noiseMultiplier: 2, sampling: 0.25, steps: 6 });
    expect(unwrap(await train()).delta).toEqual(first.delta);
    expect(unwrap(await train(language.spec, language.init(1), 2)).delta).not.toEqual(first.delta);
  });

  it('refuses what counts instead of descending', async () => {
    const [spec, base] = tables();
    expect(await train(spec, base)).toMatchObject({ fault: { code: 'PRIVACY_PER_STEP_UNSUPPORTED' } });
    const ensemble = syscallDetector('ensemble', classes);
    expect(await train(ensemble.spec, ensemble.init(1))).toMatchObject({
      fault: { code: 'PRIVACY_PER_STEP_UNSUPPORTED' },
    });
  });

  it.each(['lstm-lm', 'lstm-autoencoder', 'lstm-vae'] as const)('descends by private steps: %s', async (name) => {
    const { spec, init } = syscallDetector(name, classes);
    const learner = unwrap(await openSyscallLearner(spec, init(1), { seed: 1, stepsMax: 60 }));
    const options = { learningRate: 0.01, clipNorm: 1, addNoise: () => undefined, expectedExamples: 8 };
    const losses = Array.from({ length: 12 }, (_, seed) =>
      learner.privateStep?.(examples.slice(0, 8), { ...options, seed }),
    );
    learner.close();
    expect(losses.at(-1)).toBeLessThan((losses[0] as number) * 0.8);
  });
});
