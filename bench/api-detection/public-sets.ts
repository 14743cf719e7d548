import { unwrap } from '../../base/fault.ts';
import { ApiJudge } from '../../client/tracks/api/judge/api-judge.ts';
import { readApiChains } from '../../client/tracks/api/offline/api-files.ts';
import { Baselines } from '../../client/tracks/api/offline/baselines.ts';
import { kindOf } from '../../client/tracks/api/offline/evaluation.ts';
import type { ApiChain } from '../../client/tracks/api/requests/chain.ts';
import { areaUnderRoc, detectionRateAt } from '../../client/tracks/metrics.ts';
import type { Report } from '../harness/report.ts';
import { area, percent } from './recorded-study.ts';
import { publicSet } from './world.ts';

const sets = { csic2010: 'CSIC 2010', httpparams: 'HttpParamsDataset', fur_api: 'FUR-API' } as const;

/** Public sets of requests, where they lie in the folder: half of the normal contents is learnt, the rest is judged. */
export async function publicSets(report: Report): Promise<void> {
  const rows: string[][] = [];
  const missing: string[] = [];
  for (const [file, name] of Object.entries(sets)) {
    const path = publicSet(`${file}.csv.gz`);
    if (path === undefined) {
      missing.push(name);
      continue;
    }
    const { chains } = unwrap(await readApiChains(path, undefined));
    const isLearnt = (chain: ApiChain) => kindOf(chain) === 'normal' && chain.example.id % 2 === 0;
    const learnt = chains.filter(isLearnt).map(({ example }) => example);
    const [judge, plain] = [new ApiJudge(undefined, new Float32Array(0), learnt), new Baselines(learnt)];
    const judged = chains
      .filter((chain) => !isLearnt(chain))
      .map((chain) => {
        const { unseenTemplate, tokenNovelty } = plain.score(chain.example);
        const score = judge.score([chain.example])[0]?.scores[0] as number;
        return { kind: kindOf(chain), score, unseenTemplate, tokenNovelty };
      });
    const benign = judged.filter(({ kind }) => kind === 'normal');
    const kinds = [...new Set(judged.map(({ kind }) => kind))].filter((kind) => kind !== 'normal').sort();
    for (const kind of ['all', ...(kinds.length > 1 ? kinds : [])]) {
      const hostile = judged.filter((one) => (kind === 'all' ? one.kind !== 'normal' : one.kind === kind));
      const auc = (of: (one: (typeof judged)[number]) => number) => areaUnderRoc(benign.map(of), hostile.map(of));
      const [own, token, template] = [
        auc(({ score }) => score),
        auc(({ tokenNovelty }) => tokenNovelty),
        auc(({ unseenTemplate }) => unseenTemplate),
      ];
      const scores = (some: typeof judged) => some.map(({ score }) => score);
      const found = detectionRateAt(scores(benign), scores(hostile), 0.01);
      report.record({
        case: `${name} ${kind}`,
        auc: own,
        foundAt1: found,
        tokenNovelty: token,
        unseenTemplate: template,
      });
      rows.push([
        name,
        kind,
        `${benign.length} / ${hostile.length}`,
        area(own),
        percent(found),
        area(token),
        area(template),
      ]);
    }
  }
  if (rows.length > 0) {
    report.text(
      `## Public sets

Contents without repeats, as the folder that \`TESTUDO_API_SETS\` names holds them (\`../shared/data/api\` unless set); they are not shipped. Without times, subjects and chains only values, names and routes tell anything. Half of the normal contents is learnt, by hash; no federation.`,
    );
    report.table(
      ['set', 'attack', 'normal / hostile', 'AUC', 'found at 1 %', 'token novelty', 'unseen template'],
      rows,
    );
  }
  if (missing.length > 0) report.text(`Not there, and left out: ${missing.join(', ')}.`);
}
