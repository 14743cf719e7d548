import { ok, type Result, refuse } from '../../base/fault.ts';
import type { ClassName } from '../../proto/ids.ts';
import type { ModelSpec } from '../../proto/model-spec.ts';
import type { Learner } from '../tracks/learner.ts';
import type { TrackKind } from '../tracks/track-kind.ts';
import { addGaussianNoise, clipToNorm, deltaOf, norm, type UnitSource } from './delta.ts';
import { withSample } from './mixed-sample.ts';
import type { Plan } from './plan.ts';
import { type PerStepPrivacy, type PerStepUse, type PrivateStepsFaultCode, takePrivateSteps } from './private-steps.ts';

export type LocalTraining = Readonly<{
  spec: ModelSpec;
  /** Shape [layout.length], left untouched. */
  base: Float32Array;
  /** Normal examples: the reservoir and the newest. */
  examples: readonly unknown[];
  /** Examples that come `hardRepeats` times in every epoch. */
  hard: readonly unknown[];
  hardRepeats: number;
  /** Normal examples of the trusted sample, of which the plan's share is mixed in; for learners that descend. */
  sample?: readonly unknown[];
  gradientClipNorm: number;
  plan: Plan;
  /** The classes that this cluster may speak for, of a model with blocks by class. */
  classes?: readonly ClassName[] | undefined;
  /** Clips and noises each step, example by example; hard examples then count once, as every other. */
  perStep?: PerStepPrivacy | undefined;
  /** Its examples are the ones above. */
  kind: Pick<TrackKind, 'openLearner'>;
  /** Secret randomness for the noise. */
  unit: UnitSource;
  /** Called before each step; resolves when training may go on, to false when it must stop. */
  mayGoOn: (progress: TrainingProgress) => Promise<boolean>;
}>;

export type TrainingProgress = Readonly<{ epoch: number; steps: number; loss: number }>;

export type Trained = Readonly<{
  delta: Float32Array;
  steps: number;
  exampleCount: number;
  /** Mean loss of the first and of the last epoch, before each step. */
  firstLoss: number;
  lastLoss: number;
  /** L2 norm of the delta before clipping. */
  deltaNorm: number;
  /** What private steps used. */
  perStep?: PerStepUse;
  /** Of a model with blocks by class: those that the delta speaks for, ascending. */
  classes?: readonly ClassName[];
}>;

export type TrainLocallyFaultCode = PrivateStepsFaultCode | 'NO_EXAMPLES' | 'MODEL_UNUSABLE' | 'TRAINING_DIVERGED';

/**
 * Epochs over the local examples, then delta = trained - base, clipped and noised as the plan says. Everything but the
 * noise depends on the seed, the examples and the base alone: run twice, it gives the same bits.
 */
export async function trainLocally(training: LocalTraining): Promise<Result<Trained, TrainLocallyFaultCode>> {
  const { spec, base, plan } = training;
  const exampleCount = training.examples.length + training.hard.length;
  if (exampleCount === 0) {
    return refuse('NO_EXAMPLES', 'the buffer is empty: nothing to learn from until a source has yielded events');
  }
  const created = await training.kind.openLearner(spec, base, {
    seed: plan.seed,
    stepsMax: plan.stepsMax,
    classes: training.classes,
  });
  if (!created.ok) return created;
  const learner = created.value;
  try {
    const taken = await (training.perStep === undefined
      ? takeSteps(learner, training)
      : privately(learner, training, training.perStep));
    if (!taken.ok) return taken;
    const { steps, losses, perStep } = taken.value;
    const classes = learner.classes?.();
    if (classes?.length === 0) {
      return refuse('NO_EXAMPLES', 'no example is of a class of the model that this cluster was approved for');
    }
    const delta = deltaOf(learner.weights(), base);
    const deltaNorm = norm(delta);
    // A model that became NaN must not leave this cluster: it would be taken for an attack.
    if (!Number.isFinite(deltaNorm)) return diverged(steps);
    clipToNorm(delta, plan.clipNorm);
    if (plan.noiseMultiplier > 0) addGaussianNoise(delta, plan.noiseMultiplier * plan.clipNorm, training.unit);
    const [firstLoss = 0, lastLoss = 0] = [losses[0], losses.at(-1)];
    return ok({
      delta,
      steps,
      exampleCount,
      firstLoss,
      lastLoss,
      deltaNorm,
      ...(perStep && { perStep }),
      ...(classes && { classes }),
    });
  } finally {
    learner.close();
  }
}

type Taken = Readonly<{ steps: number; losses: readonly number[]; perStep?: PerStepUse }>;

async function takeSteps(learner: Learner, training: LocalTraining): Promise<Result<Taken, TrainLocallyFaultCode>> {
  const { plan, hardRepeats, sample = [] } = training;
  const replayed = Array.from({ length: hardRepeats }, () => training.hard).flat();
  const own = [...training.examples, ...replayed];
  const examples =
    learner.counts === true ? own : withSample(own, sample, { mix: plan.sample?.mix ?? 0, seed: plan.seed });
  const losses: { sum: number; count: number }[] = [];
  let steps = 0;
  for (let epoch = 0; epoch < plan.epochs && steps < plan.stepsMax; epoch += 1) {
    const total = { sum: 0, count: 0 };
    losses.push(total);
    for (const batch of learner.batches(examples, plan.batchSize, plan.seed + epoch)) {
      if (steps >= plan.stepsMax) break;
      const progress = { epoch, steps, loss: total.count === 0 ? 0 : total.sum / total.count };
      if (!(await training.mayGoOn(progress))) {
        return refuse('TRAINING_STOPPED', `stopped after ${steps} steps`, { steps });
      }
      const loss = learner.step(batch, {
        learningRate: plan.learningRate,
        clipNorm: training.gradientClipNorm,
        proximal: plan.proximalMu,
      });
      if (!Number.isFinite(loss)) return diverged(steps);
      total.sum += loss;
      total.count += 1;
      steps += 1;
    }
    // A learner that is done early has no batches for further epochs.
    if (total.count === 0) {
      losses.pop();
      break;
    }
  }
  return ok({ steps, losses: losses.map(({ sum, count }) => (count === 0 ? 0 : sum / count)) });
}

async function privately(
  learner: Learner,
  training: LocalTraining,
  privacy: PerStepPrivacy,
): Promise<Result<Taken, TrainLocallyFaultCode>> {
  const examples = [...training.examples, ...training.hard];
  const { plan, unit, mayGoOn } = training;
  const taken = await takePrivateSteps(learner, { privacy, plan, examples, unit, mayGoOn });
  if (!taken.ok) return taken;
  const { losses, use } = taken.value;
  return ok({ steps: use.steps, losses, perStep: use });
}

function diverged(steps: number) {
  return refuse(
    'TRAINING_DIVERGED',
    `the loss or the weights are not finite after ${steps} steps; lower the learning rate`,
    {
      steps,
    },
  );
}
