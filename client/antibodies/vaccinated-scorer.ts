import type { Antibody } from '../../proto/antibody.ts';
import { type PlaceScores, scoreInTurns, turn } from '../tracks/place-scores.ts';
import type { Explanation, TrackScorer } from '../tracks/track-kind.ts';
import { distinctAntigens } from './distinct-antigens.ts';
import { jointRisk } from './joint-risk.ts';
import { quantile } from './normal-tail.ts';
import { Panel, type Vaccination } from './panel.ts';
import { vaccinationTexts } from './vaccination-text.ts';

/** What antibodies need of a track's kind: the features of an example's place. */
export type AntigensOf<Example> = (example: Example, place: number) => Uint32Array;

export type Vaccinated<Example> = Readonly<{
  scorer: TrackScorer<Example>;
  /** Group to what its normal examples said of each antibody. */
  vaccinations: ReadonlyMap<string, readonly Vaccination[]>;
}>;

/**
 * Share of a workload's normal examples that all of its antibodies together may flag. Of 0.01, 0.003 and 0.001 this found most of the
 * families on draws that are not reported (93.2 % at one alarm in a hundred, beside 92.8 % by either other).
 */
const defaultAlpha = 0.003;

/** How the places of a track are scored, and what antibodies know them by. */
export type Antigenic<Example> = Readonly<{
  antigensOf: AntigensOf<Example>;
  /** See `TrackKind.scoreRange`. */
  scoreRange?: number | undefined;
}>;

/**
 * A model and antibodies as one scorer: what antibodies say of a place is added to its score, on the scale that the kind's scores have
 * everywhere. Not on one of this cluster's own scores: the rarest of a hundred normal examples say little of their tail, and to divide by
 * it cost what the model finds by itself. What antibodies find usual takes nothing off: places of which they say nothing keep their order.
 * An antibody which flags what is normal raises the scores that thresholds are learnt from.
 */
export async function vaccinate<Example>(
  open: (normal: readonly Example[]) => Promise<TrackScorer<Example>>,
  { antigensOf, scoreRange = 1 }: Antigenic<Example>,
  antibodies: readonly Antibody[],
  normal: readonly Example[],
  alpha = defaultAlpha,
): Promise<Vaccinated<Example>> {
  const scorer = await open(normal);
  if (antibodies.length === 0) return { scorer, vaccinations: new Map() };
  try {
    const panels = await panelsOf(await scoreInTurns(scorer, normal), antigensOf, antibodies, normal, alpha);
    const vaccinations = new Map([...panels].map(([group, panel]) => [group, panel.vaccinations]));
    return { scorer: new VaccinatedScorer(scorer, { scoreRange, panels, antigensOf }), vaccinations };
  } catch (error) {
    scorer.close();
    throw error;
  }
}

type Joining<Example> = Readonly<{
  scoreRange: number;
  panels: ReadonlyMap<string, Panel>;
  antigensOf: AntigensOf<Example>;
}>;

class VaccinatedScorer<Example> implements TrackScorer<Example> {
  readonly #model: TrackScorer<Example>;
  readonly #scoreRange: number;
  readonly #panels: ReadonlyMap<string, Panel>;
  readonly #antigensOf: AntigensOf<Example>;
  readonly #isInUse: boolean;

  constructor(model: TrackScorer<Example>, { scoreRange, panels, antigensOf }: Joining<Example>) {
    this.#model = model;
    this.#scoreRange = scoreRange;
    this.#panels = panels;
    this.#antigensOf = antigensOf;
    this.#isInUse = panels.values().some(({ isInUse }) => isInUse);
  }

  score(examples: readonly Example[]): readonly PlaceScores[] {
    // Antibodies that no workload uses leave the model as it was.
    if (!this.#isInUse) return this.#model.score(examples);
    return this.#model.score(examples).map(({ groups, scores }, at) => ({
      groups,
      scores: Float64Array.from(scores, (score, place) => {
        const group = groups[place] as string;
        const found = this.#panels.get(group)?.risk(this.#antigensOf(examples[at] as Example, place));
        return this.#joint(score, found?.risk ?? 0);
      }),
    }));
  }

  explain(example: Example, place: number): Explanation {
    const [scored] = this.#model.score([example]);
    const group = scored?.groups[place] ?? '';
    const own = scored?.scores[place] ?? 0;
    const antigens = this.#antigensOf(example, place);
    const found = this.#panels.get(group)?.risk(antigens);
    const explained = this.#model.explain(example, place);
    const said = jointRisk(0, found?.risk ?? 0);
    if (found === undefined || said < 1) return explained;
    const { family, cluster, examples } = found.antibody;
    const evidence = this.#panels.get(group)?.evidence(found, antigens) ?? [];
    const text =
      `looks like ${family}, which ${cluster} confirmed in ${examples} example${examples === 1 ? '' : 's'} ` +
      `(antibody ${said.toFixed(1)}, model ${(own / this.#scoreRange).toFixed(1)}; hardly any normal example passes 1 on either)`;
    return {
      detail: {
        ...explained.detail,
        // What the model alone would score stands beside it, on the scale of scores.
        antibody: { family, cluster, examples, risk: found.risk, modelRisk: this.#joint(own, 0), evidence },
      },
      text: `${text}\n${explained.text}`,
    };
  }

  remarks(): readonly string[] {
    const vaccinations = new Map([...this.#panels].map(([group, panel]) => [group, panel.vaccinations]));
    return [...(this.#model.remarks?.() ?? []), ...vaccinationTexts(vaccinations)];
  }

  close(): void {
    this.#model.close();
  }

  #joint(score: number, ofAntibodies: number): number {
    return this.#scoreRange * jointRisk(score / this.#scoreRange, ofAntibodies);
  }
}

async function panelsOf<Example>(
  scored: readonly PlaceScores[],
  antigensOf: AntigensOf<Example>,
  antibodies: readonly Antibody[],
  normal: readonly Example[],
  alpha: number,
): Promise<Map<string, Panel>> {
  const places = scored.flatMap(({ groups }, at) => groups.map((group, place) => ({ group, at, place })));
  const exampleFeaturesMax = oversize * (await largeOf(places, normal, antigensOf));
  const panels = new Map<string, Panel>();
  for (const [group, own] of Map.groupBy(places, (one) => one.group)) {
    const antigens = own.values().map(({ at, place }) => antigensOf(normal[at] as Example, place));
    panels.set(group, await Panel.open(antibodies, distinctAntigens(antigens, normalMax), alpha, exampleFeaturesMax));
  }
  return panels;
}

/** How much larger than a large normal example of this cluster an attack's may be. Of the recorded sets the largest true one is 1.8 times as large. */
const oversize = 3;
/** Places that say how large examples are, evenly out of all, and how many there must be. */
const [sizedMax, sizedMin] = [500, 20];

/** Features that nineteen of twenty normal examples stay below; infinite where there are too few to say. */
async function largeOf<Example>(
  places: readonly Readonly<{ at: number; place: number }>[],
  normal: readonly Example[],
  antigensOf: AntigensOf<Example>,
): Promise<number> {
  if (places.length < sizedMin) return Number.POSITIVE_INFINITY;
  const sizes: number[] = [];
  const stride = Math.max(1, places.length / sizedMax);
  for (let next = 0; next < places.length; next += stride) {
    const { at, place } = places[Math.floor(next)] as (typeof places)[number];
    sizes.push(antigensOf(normal[at] as Example, place).length);
    if (sizes.length % 32 === 0) await turn();
  }
  return quantile(
    sizes.toSorted((a, b) => a - b),
    0.95,
  );
}

/** Distinct normal examples of a group that antibodies are tried on. */
const normalMax = 500;
