/**
 * What one workload's processes look like as a whole: how often each makes each call. A trace's novelty is its distance
 * to the nearest profile known: 1 − cosine between logarithmic call counts, and 1 − cosine between presences, which calls
 * it makes at all. It sees what grams cannot: ordinary steps in proportions, or in company, that no ordinary process has.
 * Local memory; it never leaves its cluster.
 */
import { contentKey } from '../../../events/trace.ts';
import { callIdOfName, nameOfCallId, vocabulary } from '../../../events/vocabulary.ts';

/** Calls present and their weights, scaled to length 1. */
type Profile = Readonly<{ calls: Uint16Array; weights: Float32Array }>;

/** A profile as it is stored: call names are stable over versions, ids need not be. */
export type ProfileRecord = Readonly<{ calls: readonly string[]; weights: readonly number[] }>;

/** 0 … 1; 1 when nothing is known, 0 for a trace without calls. */
export type ProfileDistances = Readonly<{ counts: number; presence: number }>;

export class ProfileMemory {
  /** Every distinct profile; `owner`: the content that has it, where no other has it too. */
  readonly #profiles: { profile: Profile; owner: string | undefined }[] = [];
  /** Where each of them is, by its key, as long as there is more to learn. */
  readonly #places = new Map<string, number>();
  readonly #dense = new Float32Array(vocabulary.length);

  get profileCount(): number {
    return this.#profiles.length;
  }

  static fromRecords(records: readonly ProfileRecord[]): ProfileMemory {
    const memory = new ProfileMemory();
    for (const { calls, weights } of records) {
      const profile = { calls: Uint16Array.from(calls, callIdOfName), weights: Float32Array.from(weights) };
      memory.#profiles.push({ profile, owner: undefined });
    }
    return memory;
  }

  records(): ProfileRecord[] {
    return this.#profiles.map(({ profile }) => ({
      calls: Array.from(profile.calls, nameOfCallId),
      weights: Array.from(profile.weights, (weight) => Number(weight.toPrecision(9))),
    }));
  }

  learn(calls: Uint16Array): void {
    if (calls.length === 0) return;
    const profile = profileOf(calls);
    const key = profileKey(profile);
    const owner = contentKey(calls);
    const known = this.#profiles[this.#places.get(key) ?? -1];
    if (known !== undefined) {
      if (known.owner !== owner) known.owner = undefined;
      return;
    }
    this.#places.set(key, this.#profiles.length);
    this.#profiles.push({ profile, owner });
  }

  /** Nothing more will be learnt: what only learning needs is forgotten. */
  settle(): void {
    this.#places.clear();
  }

  /** Distance to the nearest profile by counts, 0 … 1; 1 when nothing is known. */
  score(calls: Uint16Array): number {
    return this.#distances(calls, undefined).counts;
  }

  /** Distances to the nearest profile by counts, and to the nearest by presence. */
  distances(calls: Uint16Array): ProfileDistances {
    return this.#distances(calls, undefined);
  }

  /** As `distances`, not counting profiles that only these very calls have. */
  distancesWithout(calls: Uint16Array): ProfileDistances {
    return this.#distances(calls, contentKey(calls));
  }

  #distances(calls: Uint16Array, except: string | undefined): ProfileDistances {
    if (calls.length === 0) return { counts: 0, presence: 0 };
    const wanted = profileOf(calls);
    for (const [index, call] of wanted.calls.entries()) this.#dense[call] = wanted.weights[index] as number;
    let nearest = 0;
    let nearestPresence = 0;
    for (const { profile, owner } of this.#profiles) {
      if (except !== undefined && owner === except) continue;
      let cosine = 0;
      let shared = 0;
      for (let index = 0; index < profile.calls.length; index++) {
        const weight = this.#dense[profile.calls[index] as number] as number;
        if (weight === 0) continue;
        cosine += weight * (profile.weights[index] as number);
        shared++;
      }
      if (cosine > nearest) nearest = cosine;
      const presence = shared / Math.sqrt(wanted.calls.length * profile.calls.length);
      if (presence > nearestPresence) nearestPresence = presence;
    }
    for (const call of wanted.calls) this.#dense[call] = 0;
    return { counts: Math.max(0, 1 - nearest), presence: Math.max(0, 1 - nearestPresence) };
  }
}

function profileOf(calls: Uint16Array): Profile {
  const counts = new Map<number, number>();
  for (const call of calls) counts.set(call, (counts.get(call) ?? 0) + 1);
  const present = Uint16Array.from(counts.keys()).sort();
  const weights = Float32Array.from(present, (call) => Math.log1p(counts.get(call) as number));
  const norm = Math.hypot(...weights);
  return { calls: present, weights: weights.map((weight) => weight / norm) };
}

function profileKey({ calls, weights }: Profile): string {
  return `${calls.join(' ')}|${weights.join(' ')}`;
}
