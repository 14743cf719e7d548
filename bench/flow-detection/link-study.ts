import { fastAlgebra } from '../../aggregation/algebra/fast-algebra.ts';
import { type AttackName, attacks } from '../../aggregation/attacks/attacks.ts';
import { type AggregationPolicy, defaultPolicy } from '../../aggregation/policy.ts';
import type { EncoderName } from '../../client/tracks/flow/link/encoders.ts';
import { initialLinkModel, linkSpec } from '../../client/tracks/flow/link/link-model.ts';
import { LinkReader } from '../../client/tracks/flow/link/link-reader.ts';
import { trainLinkModel } from '../../client/tracks/flow/link/link-training.ts';
import { plainMean } from '../../lab/federation/plain-mean.ts';
import type { Report } from '../harness/report.ts';
import { federateFlows, type LocalWork } from './federation.ts';
import {
  type HiddenEdges,
  hideEdges,
  type LinkQuality,
  linkBaselines,
  linkQuality,
  meanQuality,
  modelScore,
  qualityOf,
} from './links.ts';
import type { Topology } from './topologies.ts';

export type Effort = Readonly<{
  pooledSteps: number;
  rounds: number;
  localSteps: number;
  localOnlySteps: number;
  attackRounds: number;
  attackSteps: number;
}>;

/** Topologies in parts: part 0 is for choosing, the others for judging; each is judged by what learnt from all the rest. */
const partCount = 4;
const seed = 1;
/** Of Adam in a cluster's few steps; chosen on the validation part. */
const localRate = 0.01;

export function partOf<Item>(all: readonly Item[], part: number): { judged: Item[]; learnt: Item[] } {
  return {
    judged: all.filter((_, at) => at % partCount === part),
    learnt: all.filter((_, at) => at % partCount !== part),
  };
}

function casesOf(topologies: readonly Topology[], part: number): HiddenEdges[] {
  return partOf(topologies, part).judged.flatMap(({ graph }, at) => hideEdges(graph, 100 * part + at));
}

function pooledWeights(encoder: EncoderName, learnt: readonly Topology[], steps: number): Float32Array {
  const spec = linkSpec(encoder);
  const graphs = learnt.map(({ graph }) => graph);
  return trainLinkModel(spec, initialLinkModel(spec, seed), graphs, { seed, steps, batchSize: 6 }).weights;
}

/** One cluster for each topology; each step hides edges of two copies of it. */
function workers(encoder: EncoderName, learnt: readonly Topology[], steps: number): LocalWork[] {
  const spec = linkSpec(encoder);
  return learnt.map(
    ({ graph }) =>
      (base, round) =>
        trainLinkModel(spec, base, [graph], { seed: round, steps, batchSize: 2, learningRate: localRate }).weights,
  );
}

const federations = new Map<string, Promise<Float32Array>>();

/** Several studies judge the same federation: it is run once. */
export function federatedWeights(
  encoder: EncoderName,
  learnt: readonly Topology[],
  effort: Effort,
): Promise<Float32Array> {
  const key = JSON.stringify([encoder, effort, learnt.map(({ name }) => name)]);
  const found = federations.get(key) ?? runFederation(encoder, learnt, effort);
  federations.set(key, found);
  return found;
}

async function runFederation(encoder: EncoderName, learnt: readonly Topology[], effort: Effort): Promise<Float32Array> {
  const algebra = fastAlgebra();
  const clusters = workers(encoder, learnt, effort.localSteps);
  const initial = initialLinkModel(linkSpec(encoder), seed);
  const { weights } = await federateFlows(initial, { clusters, rounds: effort.rounds, policy: plainMean, algebra });
  await algebra.close();
  return weights;
}

/** Which encoder: decided on the validation part alone. */
export function chooseEncoder(topologies: readonly Topology[], effort: Effort, report?: Report): EncoderName {
  const cases = casesOf(topologies, 0);
  const found = (['gcn', 'gat'] as const).map((encoder) => {
    const weights = pooledWeights(encoder, partOf(topologies, 0).learnt, effort.pooledSteps);
    const quality = qualityOf(linkSpec(encoder), weights, cases);
    report?.record({ case: `validation ${encoder} pooled`, ...quality });
    return { encoder, quality };
  });
  found.sort((a, b) => b.quality.hardAuc - a.quality.hardAuc);
  const best = found[0] as (typeof found)[number];
  report?.text(
    `Validation part (${partOf(topologies, 0).judged.length} topologies, used for this choice only): ${found.map(({ encoder, quality }) => `${encoder.toUpperCase()} ${quality.hardAuc.toFixed(3)}`).join(', ')} (AUC against hard pairs). **${best.encoder.toUpperCase()}** is what the rest of this page uses.`,
  );
  return best.encoder;
}

/** Hidden edges of topologies that nobody learnt from, ours beside every baseline. */
export async function unseenTopologies(
  topologies: readonly Topology[],
  chosen: EncoderName,
  effort: Effort,
  report: Report,
): Promise<void> {
  const parts = [...Array(partCount).keys()].slice(1);
  const rows = new Map<string, LinkQuality[]>();
  const note = (name: string, quality: LinkQuality) => rows.set(name, [...(rows.get(name) ?? []), quality]);
  for (const part of parts) {
    const cases = casesOf(topologies, part);
    const { learnt } = partOf(topologies, part);
    for (const [name, score] of Object.entries(linkBaselines)) note(name, linkQuality(cases, score));
    note(
      `${chosen.toUpperCase()}, local only: the visible part of the judged topology itself`,
      localOnly(chosen, cases, effort),
    );
    for (const encoder of ['gcn', 'gat'] as const) {
      const pooled = pooledWeights(encoder, learnt, effort.pooledSteps);
      note(`${encoder.toUpperCase()}, pooled`, qualityOf(linkSpec(encoder), pooled, cases));
    }
    const federated = await federatedWeights(chosen, learnt, effort);
    note(`**${chosen.toUpperCase()}, federated (mean)**`, qualityOf(linkSpec(chosen), federated, cases));
  }
  report.text(
    `## Edges of topologies that nobody learnt from

${topologies.length} topologies, one cluster each; ${parts.length} parts are judged in turn by what learnt from all others. Of each judged topology a fifth of the edges is hidden (five draws); a hidden edge should score above pairs that are none: *any* two workloads, or *hard* ones that keep one end of the edge or lie two steps apart (four each). Structure and classes of ports only: no names. Means over the parts.`,
  );
  report.table(
    ['detector', 'AUC, any pairs', 'average precision', 'AUC, hard pairs', 'average precision, hard'],
    [...rows].map(([name, all]) => {
      const quality = meanQuality(all);
      report.record({ case: `unseen topologies ${name.replaceAll('*', '')}`, ...quality });
      return [
        name,
        ...[quality.auc, quality.precision, quality.hardAuc, quality.hardPrecision].map((value) => value.toFixed(3)),
      ];
    }),
  );
}

/** A model of the visible part of each judged graph alone: what a cluster without a federation has. */
function localOnly(encoder: EncoderName, cases: readonly HiddenEdges[], { localOnlySteps }: Effort): LinkQuality {
  const spec = linkSpec(encoder);
  // The first draw of each graph: a model must be trained for every draw.
  const first = cases.filter((_, at) => at % 5 === 0);
  const readers = new Map(
    first.map((each) => {
      const { weights } = trainLinkModel(spec, initialLinkModel(spec, seed), [each.visible], {
        seed,
        steps: localOnlySteps,
        batchSize: 2,
      });
      return [each, new LinkReader(spec, weights)] as const;
    }),
  );
  const quality = linkQuality(first, (each, pairs) => modelScore(readers.get(each) as LinkReader)(each, pairs));
  for (const reader of readers.values()) reader.close();
  return quality;
}

/** Hostile clusters under every attack: the rule of the default policy beside the plain mean. */
export async function attackedTopologies(
  topologies: readonly Topology[],
  encoder: EncoderName,
  effort: Effort,
  report: Report,
): Promise<void> {
  const part = 1;
  const { learnt } = partOf(topologies, part);
  const cases = casesOf(topologies, part);
  const spec = linkSpec(encoder);
  const algebra = fastAlgebra();
  const counts = [Math.round(0.2 * learnt.length), Math.round(0.3 * learnt.length)];
  const start = await federatedWeights(encoder, learnt, effort);
  const clusters = workers(encoder, learnt, effort.attackSteps);
  report.text(
    `## Attacked

${learnt.length} clusters whose federation has run for ${effort.rounds} rounds; then the first ${counts.join(' or ')} of them turn hostile (they contribute nothing honest) for ${effort.attackRounds} rounds of ${effort.attackSteps} steps, under each attack of \`aggregation/attacks\`. AUC against any pairs on part ${part}; before: ${qualityOf(spec, start, cases).auc.toFixed(3)}. The goal is within 0.02 of the first row, in which the same clusters are silent instead.`,
  );
  const judge = async (policy: AggregationPolicy, attack: AttackName | undefined, f: number) => {
    const setting = { rounds: effort.attackRounds, policy, algebra };
    const { weights, refused } = await federateFlows(
      start,
      attack === undefined
        ? { ...setting, clusters: clusters.slice(f) }
        : { ...setting, clusters, hostile: { attack, f } },
    );
    return { auc: qualityOf(spec, weights, cases).auc, refused };
  };
  const rows: string[][] = [];
  for (const attack of [undefined, ...(Object.keys(attacks) as AttackName[])]) {
    const row = [attack ?? 'none: the hostile are silent'];
    for (const f of counts) {
      // Silent ones are f fewer rows: the rule then withstands as many as it can.
      const assumed = attack === undefined ? Math.floor((learnt.length - f - 3) / 2) : f;
      for (const [name, policy] of Object.entries({ robust: defaultPolicy(Math.min(f, assumed)), mean: plainMean })) {
        const { auc, refused } = await judge(policy, attack, f);
        report.record({ case: `attacked f=${f} ${name} ${attack ?? 'none'}`, auc, refusedRounds: refused });
        row.push(`${auc.toFixed(3)}${refused > 0 ? ` (${refused} rounds refused)` : ''}`);
      }
    }
    rows.push(row);
  }
  await algebra.close();
  report.table(['attack', ...counts.flatMap((f) => [`mixing + Multi-Krum, f = ${f}`, `plain mean, f = ${f}`])], rows);
}
