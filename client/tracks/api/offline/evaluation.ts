import { table } from '../../../../base/text/table.ts';
import { preparationLabel } from '../../../recordings/layouts/api-requests.ts';
import { areaUnderRoc, detectionRateAt } from '../../metrics.ts';
import type { ApiChain } from '../requests/chain.ts';
import type { BaselineScores } from './baselines.ts';

export type JudgedChain = Readonly<{ labels: readonly string[]; score: number; baselines: BaselineScores }>;

export type ChainQuality = Readonly<{
  benign: number;
  hostile: number;
  auc: number;
  foundAt1: number;
  foundAt5: number;
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
  const qualityOf = (hostile: readonly JudgedChain[]): ChainQuality => {
    const auc = (of: (one: JudgedChain) => number) => areaUnderRoc(benign.map(of), hostile.map(of));
    const [low, high] = [benign.map(({ score }) => score), hostile.map(({ score }) => score)];
    return {
      benign: benign.length,
      hostile: hostile.length,
      auc: auc(({ score }) => score),
      foundAt1: detectionRateAt(low, high, 0.01),
      foundAt5: detectionRateAt(low, high, 0.05),
      baselines: {
        unseenTemplate: auc(({ baselines }) => baselines.unseenTemplate),
        tokenNovelty: auc(({ baselines }) => baselines.tokenNovelty),
        distinctObjects: auc(({ baselines }) => baselines.distinctObjects),
      },
    };
  };
  return {
    overall: qualityOf(attacks.flatMap(([, chains]) => chains)),
    byKind: Object.fromEntries(attacks.sort().map(([kind, chains]) => [kind, qualityOf(chains)])),
    preparation: byKind.get(preparationLabel)?.length ?? 0,
  };
}

/** For people: every kind, beside what plain memories find. */
export function evaluationText({ overall, byKind }: ApiEvaluation): string {
  const rows = [...Object.entries(byKind), ['all', overall] as const].map(([name, quality]) => ({ name, ...quality }));
  return table(rows, [
    { title: 'ATTACK', text: ({ name }) => name },
    { title: 'BENIGN', text: ({ benign }) => String(benign), align: 'right' },
    { title: 'HOSTILE', text: ({ hostile }) => String(hostile), align: 'right' },
    { title: 'AUC', text: ({ auc }) => area(auc), align: 'right' },
    { title: 'FOUND AT 5 %', text: ({ foundAt5 }) => percent(foundAt5), align: 'right' },
    { title: 'FOUND AT 1 %', text: ({ foundAt1 }) => percent(foundAt1), align: 'right' },
    { title: 'UNSEEN TEMPLATE', text: ({ baselines }) => area(baselines.unseenTemplate), align: 'right' },
    { title: 'TOKEN NOVELTY', text: ({ baselines }) => area(baselines.tokenNovelty), align: 'right' },
    { title: 'DISTINCT OBJECTS', text: ({ baselines }) => area(baselines.distinctObjects), align: 'right' },
  ]);
}

function area(auc: number): string {
  return Number.isNaN(auc) ? '-' : auc.toFixed(4);
}

function percent(part: number): string {
  return Number.isNaN(part) ? '-' : `${(part * 100).toFixed(1)} %`;
}
