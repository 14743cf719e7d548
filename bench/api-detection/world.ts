import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unwrap } from '../../base/fault.ts';
import { preparationLabel } from '../../client/recordings/layouts/api-requests.ts';
import type { ApiExample } from '../../client/tracks/api/example.ts';
import { ApiJudge } from '../../client/tracks/api/judge/api-judge.ts';
import { readApiChains } from '../../client/tracks/api/offline/api-files.ts';
import { type BaselineScores, Baselines } from '../../client/tracks/api/offline/baselines.ts';
import { kindOf } from '../../client/tracks/api/offline/evaluation.ts';
import type { ApiChain } from '../../client/tracks/api/requests/chain.ts';
import type { ModelSpec } from '../../proto/model-spec.ts';
import { publicData } from '../harness/public-data.ts';

/** Views' weights and the judge's constants were chosen on these two; the figures to report are of the other three. */
export const chosenOn: readonly string[] = ['shop-us', 'blog'];
export const reported: readonly string[] = ['bank', 'logistics', 'shop-eu'];

export type Cluster = Readonly<{
  name: string;
  /** Training and validation phases: normal. */
  normal: readonly ApiExample[];
  /** The test phase, without what attackers did before they attacked. */
  judged: readonly ApiChain[];
}>;

export type Scored = Readonly<{ cluster: string; kind: string; scores: Readonly<Record<string, number>> }>;

export const recordedPath = fileURLToPath(new URL('../../data/api/recorded.csv.gz', import.meta.url));

/** In a folder of its own that the environment names, or with the other public sets; undefined: not there. */
export function publicSet(name: string): string | undefined {
  const folder = process.env.TESTUDO_API_SETS;
  if (folder === undefined) return publicData('api', name);
  const path = join(folder, name);
  return existsSync(path) ? path : undefined;
}

export async function recordedClusters(names: readonly string[]): Promise<Cluster[]> {
  const clusters: Cluster[] = [];
  for (const name of names) {
    const phase = async (part: string) => unwrap(await readApiChains(recordedPath, `${name}/${part}`)).chains;
    // The phases of one cluster are one stream: what was going on goes over their borders.
    const { chains } = unwrap(await readApiChains(recordedPath, name));
    const later = new Set((await phase('test')).map(({ identity }) => identity));
    const isLater = ({ identity }: ApiChain) => later.has(identity);
    clusters.push({
      name,
      normal: chains.filter((chain) => !isLater(chain)).map(({ example }) => example),
      judged: chains.filter(isLater),
    });
  }
  return clusters;
}

export const ours = '**deployed: shared model and local memory**';

/** Every judged chain with the scores of every detector; preparation is judged, as it happens, and left out. */
export function scoreCluster(
  { name, normal, judged }: Cluster,
  spec: ModelSpec | undefined,
  weights: Float32Array,
  /** What the other clusters know, for a cluster that has seen nothing; without, no detector stands beside. */
  others?: Float32Array,
): Scored[] {
  const deployed = new ApiJudge(spec, weights, normal);
  const alone = others !== undefined ? new ApiJudge(undefined, weights, normal) : undefined;
  const shared = others !== undefined ? new ApiJudge(spec, others, []) : undefined;
  const plain = others !== undefined ? new Baselines(normal) : undefined;
  const scoreOf = (judge: ApiJudge, example: ApiExample) => judge.score([example])[0]?.scores[0] as number;
  return judged
    .map((chain): Scored => {
      const { example } = chain;
      const baselines = plain?.score(example);
      return {
        cluster: name,
        kind: kindOf(chain),
        scores: {
          ...(baselines !== undefined && named(baselines)),
          ...(shared !== undefined && { 'shared model of the others, no history': scoreOf(shared, example) }),
          ...(alone !== undefined && { 'local memory only': scoreOf(alone, example) }),
          [ours]: scoreOf(deployed, example),
        },
      };
    })
    .filter(({ kind }) => kind !== preparationLabel);
}

function named({ unseenTemplate, tokenNovelty, distinctObjects }: BaselineScores) {
  return {
    'unseen template': unseenTemplate,
    'token novelty per route': tokenNovelty,
    'distinct objects of the subject': distinctObjects,
  };
}
