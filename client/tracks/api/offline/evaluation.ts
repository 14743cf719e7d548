import { preparationLabel } from '../../../recordings/layouts/api-requests.ts';
import { areaUnderRoc } from '../../metrics.ts';
import { areaText, namedRows, type Quality, qualityOf, qualityTable } from '../../quality.ts';
import type { ApiChain } from '../requests/chain.ts';
import type { BaselineScores } from './baselines.ts';

export type JudgedChain = Readonly<{ labels: readonly string[]; score: number; baselines: BaselineScores }>;

export type ChainQuality = Quality &
  Readonly<{
    /** AUC of the plain detectors on the same chains. */
    baselines: BaselineScores;
  }>;

export type ApiEvaluation = Readonly<{
  overall: ChainQuality;
  byKind: Readonly<Record<string, ChainQuality>>;
  /** What attackers did as anyone would, before they attacked: judged by nobody. */
  preparation: number;
}>;

/** What the data set calls a chain: normal, what prepares an attack, or a kind of attack. */
export function kindOf({ labels }: Pick<ApiChain, 'labels'>): string {
  return labels.find((label) => label !== 'normal') ?? 'normal';
}

/** Evaluates by the labels. Rates are NaN where one side is empty. */
export function evaluateChains(judged: readonly JudgedChain[]): ApiEvaluation {
  const byKind = Map.groupBy(judged, kindOf);
  const benign = byKind.get('normal') ?? [];
  const attacks = [...byKind].filter(([kind]) => kind !== 'normal' && kind !== preparationLabel);
  const against = (hostile: readonly JudgedChain[]): ChainQuality => {
    const auc = (of: (one: JudgedChain) => number) => areaUnderRoc(benign.map(of), hostile.map(of));
    const scores = (chains: readonly JudgedChain[]) => chains.map(({ score }) => score);
    return {
      ...qualityOf(scores(benign), scores(hostile)),
      baselines: {
        unseenTemplate: auc(({ baselines }) => baselines.unseenTemplate),
        tokenNovelty: auc(({ baselines }) => baselines.tokenNovelty),
        distinctObjects: auc(({ baselines }) => baselines.distinctObjects),
      },
    };
  };
  return {
    overall: against(attacks.flatMap(([, chains]) => chains)),
    byKind: Object.fromEntries(attacks.sort().map(([kind, chains]) => [kind, against(chains)])),
    preparation: byKind.get(preparationLabel)?.length ?? 0,
  };
}

/** For people: every kind, beside what plain memories find. */
export function evaluationText({ overall, byKind }: ApiEvaluation): string {
  const rows = [...namedRows(byKind), { name: 'all', ...overall }];
  return qualityTable('attack', rows, [
    { title: 'UNSEEN TEMPLATE', text: ({ baselines }) => areaText(baselines.unseenTemplate), align: 'right' },
    { title: 'TOKEN NOVELTY', text: ({ baselines }) => areaText(baselines.tokenNovelty), align: 'right' },
    { title: 'DISTINCT OBJECTS', text: ({ baselines }) => areaText(baselines.distinctObjects), align: 'right' },
  ]);
}
