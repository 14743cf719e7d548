import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { ok, type Result, refuse } from '../../proto/fault.ts';
import { isMissing, writeFileAtomic } from '../storage/atomic-file.ts';
import { addCosts, epsilonAt, gaussianCost, noCost, orders, type RdpCost } from './accountant.ts';

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
});

type State = Readonly<{ cost: RdpCost; rounds: number; bareRounds: number }>;

/**
 * What one track's deltas have told about this cluster's data, over the client's whole life. The protected unit is
 * everything the cluster contributes to a round: its delta is clipped and noised here, so the guarantee holds against the
 * coordinator as well. Every round counts in full (sampling 1): the coordinator knows who took part.
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
    if (text === undefined) return new PrivacyLedger(path, limits, { cost: noCost, rounds: 0, bareRounds: 0 });
    const parsed = stored.parse(JSON.parse(text));
    if (parsed.orders.join() !== orders.join()) {
      throw new Error(`${path} was written with other orders; it cannot be continued: keep it and start a new one`);
    }
    const { cost, rounds, bareRounds } = parsed;
    return new PrivacyLedger(path, limits, { cost, rounds, bareRounds });
  }

  /** Epsilon spent at the configured delta; infinite when a delta ever left without noise. */
  get epsilon(): number {
    return epsilonOf(this.#state, this.#limits.delta);
  }

  /** Whether one more round with this noise is allowed. */
  check(noiseMultiplier: number): Result<undefined, PrivacyFault> {
    const { epsilonMax, noiseMultiplierMin, delta } = this.#limits;
    if (noiseMultiplier < noiseMultiplierMin) {
      return refuse(
        'PRIVACY_NOISE_TOO_LOW',
        `the round asks for a noise multiplier of ${noiseMultiplier}; this cluster takes part from ${noiseMultiplierMin}`,
      );
    }
    const after = epsilonOf(spent(this.#state, noiseMultiplier), delta);
    if (epsilonMax !== null && after > epsilonMax) {
      return refuse(
        'PRIVACY_BUDGET_SPENT',
        `one more round would bring epsilon to ${after.toFixed(2)} at delta ${delta}; privacy.epsilonMax is ${epsilonMax}`,
      );
    }
    return ok(undefined);
  }

  /** Books a round. Durable before it resolves: call it before the delta leaves. */
  async spend(noiseMultiplier: number): Promise<void> {
    this.#state = spent(this.#state, noiseMultiplier);
    await writeFileAtomic(this.#path, JSON.stringify({ version: 1, orders, ...this.#state }));
  }
}

function spent({ cost, rounds, bareRounds }: State, noiseMultiplier: number): State {
  if (noiseMultiplier === 0) return { cost, rounds: rounds + 1, bareRounds: bareRounds + 1 };
  return { cost: addCosts(cost, gaussianCost(noiseMultiplier, 1, 1)), rounds: rounds + 1, bareRounds };
}

function epsilonOf({ cost, rounds, bareRounds }: State, delta: number): number {
  if (rounds === 0) return 0;
  return bareRounds > 0 ? Number.POSITIVE_INFINITY : epsilonAt(cost, delta).epsilon;
}
