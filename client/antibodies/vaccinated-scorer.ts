import type { Antibody } from '../../proto/antibody.ts';
import { scoreInTurns } from '../tracks/score-in-turns.ts';
import type { Explanation, PlaceScores, TrackScorer } from '../tracks/track-kind.ts';
import { distinctAntigens } from './distinct-antigens.ts';
import { Panel, quantile, type Vaccination } from './panel.ts';
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
 * few normal examples pass (1), of all groups for the model and of its own group for an antibody; the greater of the two is the score. So a
 * place that the model finds hostile stays as hostile as it was, and thresholds go on as they do for any scorer.
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
  let scale: Scale;
  try {
    scale = scaleOf(await scoreInTurns(half, unseen));
  } finally {
    half.close();
  }
  const scorer = await open(normal);
  try {
    const panels = await panelsOf(await scoreInTurns(scorer, normal), antigensOf, antibodies, normal, alpha);
    const vaccinations = new Map([...panels].map(([group, panel]) => [group, panel.vaccinations]));
    return { scorer: new VaccinatedScorer(scorer, scale, panels, antigensOf), vaccinations };
  } catch (error) {
    scorer.close();
    throw error;
  }
}

class VaccinatedScorer<Example> implements TrackScorer<Example> {
  readonly #model: TrackScorer<Example>;
  readonly #scale: Scale;
  readonly #panels: ReadonlyMap<string, Panel>;
  readonly #antigensOf: AntigensOf<Example>;

  constructor(
    model: TrackScorer<Example>,
    scale: Scale,
    panels: ReadonlyMap<string, Panel>,
    antigensOf: AntigensOf<Example>,
  ) {
    this.#model = model;
    this.#scale = scale;
    this.#panels = panels;
    this.#antigensOf = antigensOf;
  }

  score(examples: readonly Example[]): readonly PlaceScores[] {
    return this.#model.score(examples).map(({ groups, scores }, at) => ({
      groups,
      scores: Float64Array.from(scores, (score, place) => {
        const group = groups[place] as string;
        const found = this.#panels.get(group)?.risk(this.#antigensOf(examples[at] as Example, place));
        return Math.max(riskOn(this.#scale, score), found?.risk ?? Number.NEGATIVE_INFINITY);
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
        antibody: { family, cluster, examples, risk: found.risk, modelRisk: own, evidence },
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

/** How a model scores normal examples: its scores of different groups compare, so all of them make one scale. */
type Scale = Readonly<{ usual: number; spread: number }>;

/** Scores that differ by less are the same: a model that scores all normal examples alike has no scale. */
const spreadMin = 0.05;

function scaleOf(scored: readonly PlaceScores[]): Scale {
  const sorted = scored.flatMap(({ scores }) => [...scores]).sort((a, b) => a - b);
  if (sorted.length === 0) return { usual: 0, spread: 1 };
  const usual = quantile(sorted, 0.5);
  return { usual, spread: Math.max(spreadMin, quantile(sorted, 0.99) - usual) };
}

function riskOn({ usual, spread }: Scale, score: number): number {
  return (score - usual) / spread;
}

async function panelsOf<Example>(
  scored: readonly PlaceScores[],
  antigensOf: AntigensOf<Example>,
  antibodies: readonly Antibody[],
  normal: readonly Example[],
  alpha: number,
): Promise<Map<string, Panel>> {
  const places = scored.flatMap(({ groups }, at) => groups.map((group, place) => ({ group, at, place })));
  const panels = new Map<string, Panel>();
  for (const [group, own] of Map.groupBy(places, (one) => one.group)) {
    const antigens = own.values().map(({ at, place }) => antigensOf(normal[at] as Example, place));
    panels.set(group, await Panel.open(antibodies, distinctAntigens(antigens, normalMax), alpha));
  }
  return panels;
}

/** Distinct normal examples of a group that antibodies are tried on. */
const normalMax = 500;
