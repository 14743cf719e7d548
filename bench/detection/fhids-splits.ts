import { contentKey, isBenign } from '../../client/events/trace.ts';
import type { Report } from '../harness/report.ts';
import { meanOver } from './newcomers.ts';
import { publicFederation, publicFloor, publicSplit } from './public-federation.ts';
import { auc, meanOf } from './world.ts';

type BySplit = Readonly<{ all: number; distinct: number; floor: number; benign: number; ofThree: number }>;

/** FHIDS by ten splits of its contents: which few of its most repeated contents are learnt decides most of the figure over all traces. */
export async function fhidsBySplits(report: Report): Promise<boolean> {
  const found: BySplit[] = [];
  for (let turn = 0; turn < 10; turn++) {
    const split = await publicSplit('FHIDS', turn);
    if (split === undefined) return false;
    const { locals, quality } = publicFederation(split, 'two-views');
    const { all, distinct } = quality(meanOf(locals));
    const repeats = [...Map.groupBy(split.unseen.filter(isBenign), ({ calls }) => contentKey(calls)).values()]
      .map(({ length }) => length)
      .sort((a, b) => b - a);
    const one = {
      all: all.auc,
      distinct: distinct.auc,
      floor: publicFloor(split).overall.auc,
      benign: repeats.reduce((sum, many) => sum + many, 0),
      ofThree: repeats.slice(0, 3).reduce((sum, many) => sum + many, 0),
    };
    report.record({ case: `FHIDS split ${turn}`, ...one });
    found.push(one);
  }
  report.text(
    `### FHIDS by ten splits

Two views, federated by the mean. Each split learns seven of ten parts of the normal contents and judges the rest: in the first column the part that it begins with, 0 being the split above. FHIDS repeats few contents very often, so the AUC over all traces says how those few are judged whose part is not learnt; over distinct contents splits agree.`,
  );
  const row = (name: string, one: BySplit) => [
    name,
    auc(one.all),
    auc(one.distinct),
    auc(one.floor),
    `${one.ofThree.toFixed(0)} of ${one.benign.toFixed(0)}`,
  ];
  const mean = (pick: (one: BySplit) => number) => meanOver(found, pick);
  report.table(
    ['split', 'AUC', 'distinct contents', 'STIDE', 'benign traces of the three commonest unseen contents'],
    [
      ...found.map((one, turn) => row(String(turn), one)),
      row('**mean**', {
        all: mean(({ all }) => all),
        distinct: mean(({ distinct }) => distinct),
        floor: mean(({ floor }) => floor),
        benign: mean(({ benign }) => benign),
        ofThree: mean(({ ofThree }) => ofThree),
      }),
    ],
  );
  return true;
}
