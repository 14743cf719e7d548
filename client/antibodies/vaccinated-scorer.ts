import type { Antibody } from '../../proto/antibody.ts';
import { scoreInTurns, turn } from '../tracks/score-in-turns.ts';
import type { Explanation, PlaceScores, TrackScorer } from '../tracks/track-kind.ts';
import { distinctAntigens } from './distinct-antigens.ts';
import { jointRisk, limitOf, riskOn, type Scale, scaleOf } from './joint-risk.ts';
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

/** Share of a workload's normal examples that all of its antibodies together may flag. */
const defaultAlpha = 0.01;

/**
 * A model and antibodies as one scorer. Both are brought to one scale, how far a place is on the way from what is usual (0) to what
 * one in a hundred normal examples passes (1), of all groups for the model and of its own group for the antibodies, and added up. What
 * antibodies find usual takes nothing off: places of which they say nothing keep their order. The sum is brought to the same scale, by
 * normal examples that neither has learnt, so that an antibody which flags what is normal raises the limit and no alarms.
 *
 * open: opens the model on these normal examples. It is opened twice, once on half of them for a while: the other half tells how
 * the model scores normal examples that it has not learnt.
 */
export async function vaccinate<Example>(
  open: (normal: readonly Example[]) => Promise<TrackScorer<Example>>,
  antigensOf: AntigensOf<Example>,
  antibodies: readonly Antibody[],
  normal: readonly Example[],
  alpha = defaultAlpha,
): Promise<Vaccinated<Example>> {
  if (antibodies.length === 0) return { scorer: await open(normal), vaccinations: new Map() };
  const half = await open(normal.filter((_, at) => at % 2 === 0));
  const unseen = normal.filter((_, at) => at % 2 === 1);
  let scored: readonly PlaceScores[];
  try {
    scored = await scoreInTurns(half, unseen);
  } finally {
    half.close();
  }
  const scale = scaleOf(scored);
  const scorer = await open(normal);
  try {
    const panels = await panelsOf(await scoreInTurns(scorer, normal), antigensOf, antibodies, normal, alpha);
    const vaccinations = new Map([...panels].map(([group, panel]) => [group, panel.vaccinations]));
    const limit = limitOf(await risksOf(unseen, scored, { scale, panels, antigensOf }));
    return { scorer: new VaccinatedScorer(scorer, { scale, limit, panels, antigensOf }), vaccinations };
  } catch (error) {
    scorer.close();
    throw error;
  }
}

type Joining<Example> = Readonly<{
  scale: Scale;
  panels: ReadonlyMap<string, Panel>;
  antigensOf: AntigensOf<Example>;
}>;

/** Normal examples that the joint limit is made of, evenly out of all. */
const limitExamplesMax = 500;

/** Joint risks of normal examples that neither the model nor, example by example, the antibodies' panels have learnt. */
async function risksOf<Example>(
  examples: readonly Example[],
  scored: readonly PlaceScores[],
  { scale, panels, antigensOf }: Joining<Example>,
): Promise<number[]> {
  const risks: number[] = [];
  const stride = Math.max(1, examples.length / limitExamplesMax);
  for (let next = 0; next < examples.length; next += stride) {
    await turn();
    const at = Math.floor(next);
    const { groups, scores } = scored[at] as PlaceScores;
    for (const [place, group] of groups.entries()) {
      const found = panels.get(group)?.riskWithout(antigensOf(examples[at] as Example, place));
      risks.push(jointRisk(riskOn(scale, scores[place] as number), found?.risk ?? 0));
    }
  }
  return risks;
}

class VaccinatedScorer<Example> implements TrackScorer<Example> {
  readonly #model: TrackScorer<Example>;
  readonly #scale: Scale;
  /** The joint risk that counts as 1. */
  readonly #limit: number;
  readonly #panels: ReadonlyMap<string, Panel>;
  readonly #antigensOf: AntigensOf<Example>;
  readonly #isInUse: boolean;

  constructor(
    model: TrackScorer<Example>,
    { scale, limit, panels, antigensOf }: Joining<Example> & Readonly<{ limit: number }>,
  ) {
    this.#model = model;
    this.#scale = scale;
    this.#limit = limit;
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
        return jointRisk(riskOn(this.#scale, score), found?.risk ?? 0) / this.#limit;
      }),
    }));
  }

  explain(example: Example, place: number): Explanation {
    const [scored] = this.#model.score([example]);
    const group = scored?.groups[place] ?? '';
    const own = riskOn(this.#scale, scored?.scores[place] ?? 0);
    const antigens = this.#antigensOf(example, place);
    const found = this.#panels.get(group)?.risk(antigens);
    const explained = this.#model.explain(example, place);
    if (found === undefined || found.risk < 1) return explained;
    const { family, cluster, examples } = found.antibody;
    const evidence = this.#panels.get(group)?.evidence(found, antigens) ?? [];
    const text =
      `looks like ${family}, which ${cluster} confirmed in ${examples} example${examples === 1 ? '' : 's'} ` +
      `(antibody ${found.risk.toFixed(1)}, model ${own.toFixed(1)}; 1 is the limit of each)`;
    return {
      detail: {
        ...explained.detail,
        // What the model alone would score stands beside it, on the scale of scores.
        antibody: {
          family,
          cluster,
          examples,
          risk: found.risk,
          modelRisk: jointRisk(own, 0) / this.#limit,
          evidence,
        },
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
