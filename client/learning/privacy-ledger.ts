import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { isMissing, writeFileAtomic } from '../../base/atomic-file.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { newerMember } from '../../base/text/newer-member.ts';
import { addCosts, epsilonAt, gaussianCost, noCost, orders, type RdpCost } from './accountant.ts';
import type { PerStepUse } from './private-steps.ts';

export type PrivacyLimits = Readonly<{
  /** null: spending is counted, not limited. */
  epsilonMax: number | null;
  delta: number;
  /** Plans with less noise are refused. */
  noiseMultiplierMin: number;
}>;

export type PrivacyFault = 'PRIVACY_BUDGET_SPENT' | 'PRIVACY_NOISE_TOO_LOW';

const stored = z.strictObject({
  version: z.literal(1),
  orders: z.array(z.number()),
  cost: z.array(z.number().nonnegative()),
  rounds: z.int().nonnegative(),
  /** Rounds that gave a delta away without any noise: they have no finite epsilon. */
  bareRounds: z.int().nonnegative(),
  /** The same for one example as the protected unit; absent in files of versions that protected clusters alone. */
  examples: z.strictObject({ cost: z.array(z.number().nonnegative()), bareRounds: z.int().nonnegative() }).optional(),
});

const remedy =
  'Restore it from a backup: it counts what rounds have told of this cluster, and moved away the count begins at nothing';

type Spent = Readonly<{ cost: RdpCost; bareRounds: number }>;
type State = Spent & Readonly<{ rounds: number; examples: Spent }>;
const nothing: Spent = { cost: noCost, bareRounds: 0 };

/**
 * What one track's deltas have told about this cluster's data, over the client's whole life. The protected unit is
 * everything the cluster contributes to a round: its delta is clipped and noised here, so the guarantee holds against the
 * coordinator as well. Every round counts in full (sampling 1): the coordinator knows who took part.
 *
 * Beside it stands what was told about any single example. Noise that hides all of a cluster's part hides one example
 * as well, and so does noise in each step (privacy.perStep); where a round has both the lesser cost counts, order by order.
 */
export class PrivacyLedger {
  readonly #path: string;
  readonly #limits: PrivacyLimits;
  #state: State;

  private constructor(path: string, limits: PrivacyLimits, state: State) {
    this.#path = path;
    this.#limits = limits;
    this.#state = state;
  }

  static async open(path: string, limits: PrivacyLimits): Promise<PrivacyLedger> {
    let text: string | undefined;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
    if (text === undefined) return new PrivacyLedger(path, limits, { ...nothing, rounds: 0, examples: nothing });
    const parsed = storedIn(text, path);
    if (parsed.orders.join() !== orders.join()) {
      throw new Error(`${path} was written with other orders; it cannot be continued: keep it and start a new one`);
    }
    const { cost, rounds, bareRounds, examples = { cost, bareRounds } } = parsed;
    return new PrivacyLedger(path, limits, { cost, rounds, bareRounds, examples });
  }

  /** Epsilon spent at the configured delta; infinite when a delta ever left without noise. */
  get epsilon(): number {
    return epsilonOf(this.#state, this.#limits.delta);
  }

  /** As `epsilon`, for one example as what is protected: never more. */
  get exampleEpsilon(): number {
    return epsilonOf(this.#state.examples, this.#limits.delta);
  }

  /**
   * Whether one more round with this noise is allowed. With private steps the limit is on what is told about one example.
   * A delta that was trained and not sent has told nothing.
   */
  check(noiseMultiplier: number, perStep?: PerStepUse): Result<undefined, PrivacyFault> {
    const { epsilonMax, noiseMultiplierMin, delta } = this.#limits;
    if (noiseMultiplier < noiseMultiplierMin) {
      return refuse(
        'PRIVACY_NOISE_TOO_LOW',
        `the round asks for a noise multiplier of ${noiseMultiplier}; this cluster takes part from ${noiseMultiplierMin}`,
      );
    }
    const state = spent(this.#state, noiseMultiplier, perStep);
    const after = epsilonOf(perStep === undefined ? state : state.examples, delta);
    if (epsilonMax !== null && after > epsilonMax) {
      return refuse(
        'PRIVACY_BUDGET_SPENT',
        `one more round would bring epsilon to ${after.toFixed(2)} at delta ${delta}; privacy.epsilonMax is ${epsilonMax}`,
      );
    }
    return ok(undefined);
  }

  /** Books a round. Durable before it resolves: call it before the delta leaves. */
  async spend(noiseMultiplier: number, perStep?: PerStepUse): Promise<void> {
    this.#state = spent(this.#state, noiseMultiplier, perStep);
    await writeFileAtomic(this.#path, JSON.stringify({ version: 1, orders, ...this.#state }));
  }
}

/** Throws where the text is none of this build's: a count that began at nothing would tell more than the limit allows. */
function storedIn(text: string, path: string): z.infer<typeof stored> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(`${path} is damaged: it is no JSON. ${remedy}`);
  }
  const parsed = stored.safeParse(value);
  if (parsed.success) return parsed.data;
  const newer = newerMember(parsed.error);
  if (newer !== undefined) throw new Error(`a newer build wrote ${path}, with ${newer}: start that build. ${remedy}`);
  throw new Error(`${path} is damaged at ${parsed.error.issues[0]?.path.join('.')}. ${remedy}`);
}

function spent(state: State, noiseMultiplier: number, perStep: PerStepUse | undefined): State {
  const ofCluster = noiseMultiplier === 0 ? undefined : gaussianCost(noiseMultiplier, 1, 1);
  const ofSteps =
    perStep === undefined ? undefined : gaussianCost(perStep.noiseMultiplier, perStep.sampling, perStep.steps);
  const least = ofCluster?.map((cost, index) => Math.min(cost, ofSteps?.[index] ?? cost)) ?? ofSteps;
  return {
    ...added(state, ofCluster),
    rounds: state.rounds + 1,
    examples: added(state.examples, least),
  };
}

function added({ cost, bareRounds }: Spent, more: RdpCost | undefined): Spent {
  return more === undefined ? { cost, bareRounds: bareRounds + 1 } : { cost: addCosts(cost, more), bareRounds };
}

function epsilonOf({ cost, bareRounds }: Spent, delta: number): number {
  if (bareRounds > 0) return Number.POSITIVE_INFINITY;
  return cost.every((one) => one === 0) ? 0 : epsilonAt(cost, delta).epsilon;
}
