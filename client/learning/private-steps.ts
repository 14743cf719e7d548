/**
 * Differentially private descent over local examples: Abadi et al., "Deep Learning with Differential Privacy", CCS 2016.
 * Each step takes every example with probability q, independently and secretly (Poisson sampling: with the plan's seed the
 * coordinator would know who took part, and nothing would be gained by sampling). What is protected is one example, one
 * trace, added or removed.
 */
import { ok, type Result, refuse } from '../../base/fault.ts';
import type { Learner } from '../tracks/learner.ts';
import { addGaussianNoise, type UnitSource } from './delta.ts';
import type { Plan } from './plan.ts';

/** Local configuration: no coordinator can weaken it. */
export type PerStepPrivacy = Readonly<{
  /** Longest gradient of one example, L2. */
  clipNorm: number;
  /** Standard deviation of a step's noise over `clipNorm`. */
  noiseMultiplier: number;
}>;

/** What a private training used: what the ledger books. */
export type PerStepUse = Readonly<{ noiseMultiplier: number; sampling: number; steps: number }>;

export type PrivateSteps = Readonly<{
  privacy: PerStepPrivacy;
  plan: Plan;
  /** Distinct: an example that came twice would count twice. */
  examples: readonly unknown[];
  /** Secret randomness, for sampling and noise. */
  unit: UnitSource;
  mayGoOn(progress: Readonly<{ epoch: number; steps: number; loss: number }>): Promise<boolean>;
}>;

export type PrivateStepsFaultCode = 'PRIVACY_PER_STEP_UNSUPPORTED' | 'TRAINING_STOPPED';

/** Mean losses by epoch, and what it used. An epoch is as many steps as see every example once on average. */
export async function takePrivateSteps(
  learner: Learner,
  { privacy, plan, examples, unit, mayGoOn }: PrivateSteps,
): Promise<Result<Readonly<{ losses: readonly number[]; use: PerStepUse }>, PrivateStepsFaultCode>> {
  if (learner.privateStep === undefined) {
    return refuse(
      'PRIVACY_PER_STEP_UNSUPPORTED',
      'this architecture does not descend along gradients that can be told apart by example (a gram table counts): use lstm-lm, lstm-autoencoder or lstm-vae for the track, or leave privacy.perStep out and let the plan noise the whole delta',
    );
  }
  const sampling = Math.min(1, plan.batchSize / examples.length);
  const stepsPerEpoch = Math.ceil(1 / sampling);
  const steps = Math.min(plan.stepsMax, plan.epochs * stepsPerEpoch);
  const losses: { sum: number; count: number }[] = [];
  for (let step = 0; step < steps; step += 1) {
    const epoch = Math.floor(step / stepsPerEpoch);
    losses[epoch] ??= { sum: 0, count: 0 };
    const total = losses[epoch];
    if (!(await mayGoOn({ epoch, steps: step, loss: meanOf(total) }))) {
      return refuse('TRAINING_STOPPED', `stopped after ${step} steps`, { steps: step });
    }
    const sampled = examples.filter(() => unit() <= sampling);
    const loss = learner.privateStep(sampled, {
      learningRate: plan.learningRate,
      proximal: plan.proximalMu,
      clipNorm: privacy.clipNorm,
      addNoise: (sum) => addGaussianNoise(sum, privacy.noiseMultiplier * privacy.clipNorm, unit),
      expectedExamples: sampling * examples.length,
      seed: plan.seed + step,
    });
    total.sum += loss * sampled.length;
    total.count += sampled.length;
  }
  return ok({
    losses: losses.map(meanOf),
    use: { noiseMultiplier: privacy.noiseMultiplier, sampling, steps },
  });
}

function meanOf({ sum, count }: { sum: number; count: number }): number {
  return count === 0 ? 0 : sum / count;
}
