import type { Antibody } from '../../proto/antibody.ts';
import { turn } from '../tracks/score-in-turns.ts';
import { Weighed } from './weighed.ts';

/** Why a workload does not use an antibody. */
export type Refusal = 'few-examples' | 'learning' | 'looks-normal';

/** What a workload's own normal examples said of one antibody. */
export type Vaccination = Readonly<{
  antibody: Antibody;
  /** Absent where it is used. */
  refused?: Refusal;
  /** Middle score of the workload's normal examples, and the score from which on the antibody flags. */
  usual: number;
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
/** A scale below which scores of normal examples do not differ. */
const spreadMin = 0.5;

/**
 * A workload's antibodies, each weighed anew against what is normal here: the share that a feature has in confirmed
 * examples against the share that it has in the workload's own. What the maker of an antibody took for normal counts nothing.
 *
 * An antibody flags from `level` on, above all but a share `alpha` of own normal examples, alpha divided by the number of antibodies
 * (Bonferroni); where examples are too few to show so small a share, their upper tail is prolonged as an exponential one. An antibody
 * is refused unless a confirmed example would stand above that level: else it describes what this workload does anyway.
 */
export class Panel {
  readonly vaccinations: readonly Vaccination[];
  readonly #weighed: Weighed;

  private constructor(weighed: Weighed, vaccinations: readonly Vaccination[]) {
    this.#weighed = weighed;
    this.vaccinations = vaccinations;
  }

  /**
   * Tries the antibodies, a turn of the event loop for each: the thread that does it scores what happens meanwhile. normal: antigens
   * of the workload's normal examples, distinct contents.
   */
  static async open(antibodies: readonly Antibody[], normal: readonly Uint32Array[], alpha: number): Promise<Panel> {
    const weighed = new Weighed(antibodies, normal);
    const vaccinations: Vaccination[] = [];
    for (const [which, antibody] of antibodies.entries()) {
      await turn();
      vaccinations.push({ antibody, ...tried(weighed, which, antibody, normal, alpha / antibodies.length) });
    }
    return new Panel(weighed, vaccinations);
  }

  /**
   * How near an example comes to being flagged by the nearest antibody: 0 as usual here, 1 where it flags. Undefined where none
   * is used.
   */
  risk(antigens: Uint32Array): Nearest | undefined {
    let nearest: Nearest | undefined;
    const scores = this.#weighed.scores(antigens);
    for (const [which, { antibody, refused, usual, level }] of this.vaccinations.entries()) {
      if (refused !== undefined) continue;
      const risk = ((scores[which] as number) - usual) / (level - usual);
      if (nearest === undefined || risk > nearest.risk) nearest = { risk, antibody, which };
    }
    return nearest;
  }

  /** The features of an example that speak most for an antibody, with what each says in nats, greatest first. */
  evidence({ which }: Nearest, antigens: Uint32Array, most = 5): readonly { feature: number; nats: number }[] {
    return Array.from(antigens, (feature) => ({ feature, nats: this.#weighed.nats(which, feature) }))
      .filter(({ nats }) => nats > 0)
      .sort((a, b) => b.nats - a.nats || a.feature - b.feature)
      .slice(0, most);
  }
}

function tried(
  weighed: Weighed,
  which: number,
  { examples }: Antibody,
  normal: readonly Uint32Array[],
  alpha: number,
): Omit<Vaccination, 'antibody'> {
  const untried = { usual: 0, level: Number.POSITIVE_INFINITY, expected: Number.NaN };
  if (examples < confirmedMin) return { refused: 'few-examples', ...untried };
  if (normal.length < normalMin) return { refused: 'learning', ...untried };
  const scores = normal.map((own) => weighed.scoreWithout(which, own)).sort((a, b) => a - b);
  const usual = quantile(scores, 0.5);
  const level = Math.max(usual + spreadMin, tailOf(scores, alpha));
  const expected = weighed.expected(which);
  return { usual, level, expected, ...(expected > level ? {} : { refused: 'looks-normal' as const }) };
}

/** Above which a share of the values lies; an exponential tail through the quantiles .9 and .99 where they are too few. */
function tailOf(sorted: readonly number[], share: number): number {
  const [lower, upper] = [quantile(sorted, 0.9), quantile(sorted, 0.99)];
  if (share >= 0.01) return quantile(sorted, 1 - share);
  const scale = (upper - lower) / Math.LN10;
  return upper + Math.max(scale, 0.05) * Math.log(0.01 / share);
}

export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number;
}
