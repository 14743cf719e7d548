import type { Antibody } from '../../proto/antibody.ts';
import { turn } from '../tracks/place-scores.ts';
import { NormalTail, quantile } from './normal-tail.ts';
import { Weighed } from './weighed.ts';

/** Why a workload does not use an antibody. */
export type Refusal = 'few-examples' | 'learning' | 'looks-normal' | 'oversized';

/** What a workload's own normal examples said of one antibody. */
export type Vaccination = Readonly<{
  antibody: Antibody;
  /** Absent where it is used. */
  refused?: Refusal;
  /** The score that a confirmed example has to pass: of what is normal, no more than is left to flag does. */
  level: number;
  /** What an example as confirmed elsewhere would score here. */
  expected: number;
}>;

/** The antibody that an example comes nearest to. */
export type Nearest = Readonly<{ risk: number; antibody: Antibody; which: number }>;

/** Confirmed examples that an antibody must be made of: a single trace says too little of what an attack has in common. */
export const confirmedMin = 3;
/** Normal examples before antibodies are tried on them. */
const normalMin = 10;
/** A scale below which scores of normal examples do not differ, and one for each nat of their tail. */
const spreadMin = 0.2;
const natMin = 0.2;
/** Nats from usual, which half of all normal examples pass, to a risk of 1, which one in a hundred passes. */
const natsOfRisk = Math.log(0.5 / 0.01);
/**
 * How far an example has to go of the way to what a confirmed one would say here until an antibody is half heard. Of the recorded
 * clusters' confirmed attacks nineteen of twenty go 0.44 of it elsewhere; of what is unusual and normal there nine of ten go less than 0.33.
 */
const halfHeard = 0.15;

/**
 * A workload's antibodies, each weighed anew against what is normal here: the share that a feature has in confirmed
 * examples against the share that it has in the workload's own. What the maker of an antibody took for normal counts nothing.
 *
 * Each antibody costs the share of own normal examples that score as a confirmed one would; where they are too few to show so small a share,
 * their upper tail is prolonged as an exponential one. The cheapest first, antibodies are used while what all of them cost together stays
 * below `alpha` (a union bound): who offers many that flag nothing, or copies of one, takes nothing from the others, as he did when alpha was
 * divided by their number. Else one describes what this workload does anyway.
 *
 * An example is as near to an attack as the antibody says that it is unusual for: by its p-value among own normal examples, heard as far as
 * it is of what a confirmed one would come to (a little like an attack is what normal work in new ways is, too), and the root of the
 * number of antibodies in use being taken off it, since antibodies of different attacks speak up together about as often as not.
 */
export class Panel {
  readonly vaccinations: readonly Vaccination[];
  readonly #weighed: Weighed;
  /** Of the antibodies in use, by their place among all. */
  readonly #used: ReadonlyMap<number, Used>;
  /** Nats that the least p-value of so many antibodies is worth less than that of one. */
  readonly #ofMany: number;

  private constructor(weighed: Weighed, vaccinations: readonly Vaccination[], used: ReadonlyMap<number, Used>) {
    this.#weighed = weighed;
    this.vaccinations = vaccinations;
    this.#used = used;
    this.#ofMany = Math.log(used.size) / 2;
  }

  /**
   * Tries the antibodies, a turn of the event loop for each: the thread that does it scores what happens meanwhile. normal: antigens
   * of the workload's normal examples, distinct contents. exampleFeaturesMax: features that one example may have; an antibody whose examples
   * had more on average is of no example that anybody saw. It takes no part, and costs the others nothing.
   */
  static async open(
    antibodies: readonly Antibody[],
    normal: readonly Uint32Array[],
    alpha: number,
    exampleFeaturesMax = Number.POSITIVE_INFINITY,
  ): Promise<Panel> {
    const weighed = new Weighed(antibodies, normal);
    const outcomes = new Map<number, Omit<Vaccination, 'antibody'>>();
    const tries: Try[] = [];
    for (const [which, antibody] of antibodies.entries()) {
      await turn();
      const refused = untriable(antibody, normal, exampleFeaturesMax);
      if (refused !== undefined) outcomes.set(which, { refused, ...untried });
      else tries.push(tried(which, weighed, normal));
    }
    const used = new Map<number, Used>();
    let left = alpha;
    for (const { which, scores, expected, share } of tries.sort((a, b) => a.share - b.share || a.which - b.which)) {
      const level = Math.max(quantile(scores, 0.5) + spreadMin, tailOf(scores, Math.max(left, Number.MIN_VALUE)));
      const isUsed = expected > level;
      outcomes.set(which, { level, expected, ...(isUsed ? {} : { refused: 'looks-normal' as const }) });
      if (!isUsed) continue;
      left -= share;
      const tail = new NormalTail(scores, natMin);
      used.set(which, { tail, expectedNats: tail.nats(expected) });
    }
    const vaccinations = antibodies.map((antibody, which) => ({
      antibody,
      ...(outcomes.get(which) as Omit<Vaccination, 'antibody'>),
    }));
    return new Panel(weighed, vaccinations, used);
  }

  /** Whether any antibody is used. */
  get isInUse(): boolean {
    return this.#used.size > 0;
  }

  /**
   * How near an example comes to the attack of the nearest antibody: 0 as usual here, 1 where at most one in a hundred normal examples
   * would be. Undefined where none is used.
   */
  risk(antigens: Uint32Array): Nearest | undefined {
    const scores = this.#weighed.scores(antigens);
    let nearest: { nats: number; which: number } | undefined;
    for (const [which, used] of this.#used) {
      const nats = heard(used, scores[which] as number);
      if (nearest === undefined || nats > nearest.nats) nearest = { nats, which };
    }
    if (nearest === undefined) return undefined;
    const { antibody } = this.vaccinations[nearest.which] as Vaccination;
    return { risk: Math.max(0, nearest.nats - this.#ofMany) / natsOfRisk, antibody, which: nearest.which };
  }

  /** The features of an example that speak most for an antibody, with what each says in nats, greatest first. */
  evidence({ which }: Nearest, antigens: Uint32Array, most = 5): readonly { feature: number; nats: number }[] {
    return Array.from(antigens, (feature) => ({ feature, nats: this.#weighed.nats(which, feature) }))
      .filter(({ nats }) => nats > 0)
      .sort((a, b) => b.nats - a.nats || a.feature - b.feature)
      .slice(0, most);
  }
}

/** An antibody in use: how unusual its scores are here, and how unusual that of a confirmed example would be. */
type Used = Readonly<{ tail: NormalTail; expectedNats: number }>;

/** The nats of a score, by the share of them that counts. */
function heard({ tail, expectedNats }: Used, score: number): number {
  const nats = tail.nats(score);
  return nats === 0 ? 0 : (nats * nats) / (nats + halfHeard * expectedNats);
}

function untriable(
  antibody: Antibody,
  normal: readonly Uint32Array[],
  exampleFeaturesMax: number,
): Refusal | undefined {
  if (featuresOfExample(antibody) > exampleFeaturesMax) return 'oversized';
  if (antibody.examples < confirmedMin) return 'few-examples';
  return normal.length < normalMin ? 'learning' : undefined;
}

const untried = { level: Number.POSITIVE_INFINITY, expected: Number.NaN };

/** Features that a confirmed example had, on average. */
function featuresOfExample({ shares }: Antibody): number {
  return shares.reduce((sum, share) => sum + share, 0) / 255;
}

/** One antibody tried on a workload's normal examples. */
type Try = Readonly<{
  which: number;
  /** Of the normal examples, each as if it had not been learnt, ascending. */
  scores: readonly number[];
  expected: number;
  /** Of normal examples, that score as much as a confirmed one would. */
  share: number;
}>;

function tried(which: number, weighed: Weighed, normal: readonly Uint32Array[]): Try {
  const scores = normal.map((own) => weighed.scoreWithout(which, own)).sort((a, b) => a - b);
  const expected = weighed.expected(which);
  return { which, scores, expected, share: shareAbove(scores, expected) };
}

/** Above which a share of the values lies; an exponential tail through the quantiles .9 and .99 where they are too few. */
function tailOf(sorted: readonly number[], share: number): number {
  if (share >= rareShare) return quantile(sorted, 1 - share);
  return quantile(sorted, 1 - rareShare) + scaleOf(sorted) * Math.log(rareShare / share);
}

/** Which share of the values lies above a score: the inverse of `tailOf`. */
function shareAbove(sorted: readonly number[], score: number): number {
  const rare = quantile(sorted, 1 - rareShare);
  if (score <= rare) return sorted.filter((one) => one >= score).length / sorted.length;
  return rareShare * Math.exp((rare - score) / scaleOf(sorted));
}

/** The rarest share that examples show by themselves. */
const rareShare = 0.01;

/** Scores for each nat of the tail. */
function scaleOf(sorted: readonly number[]): number {
  return Math.max((quantile(sorted, 1 - rareShare) - quantile(sorted, 0.9)) / Math.LN10, 0.05);
}
