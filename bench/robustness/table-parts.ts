import { createHash } from 'node:crypto';
import { aggregate } from '../../aggregation/aggregate.ts';
import { fastAlgebra } from '../../aggregation/algebra/fast-algebra.ts';
import { attacks } from '../../aggregation/attacks/attacks.ts';
import { sybils, whitelisting } from '../../aggregation/attacks/knowing.ts';
import { memoryBlocks, memorySink } from '../../aggregation/blocks/blocks.ts';
import { type AggregationPolicy, defaultPolicy } from '../../aggregation/policy.ts';
import { unwrap } from '../../base/fault.ts';
import { isBenign, type Trace } from '../../client/events/trace.ts';
import { areaUnderRoc } from '../../client/tracks/metrics.ts';
import { trainClassTable } from '../../client/tracks/syscall/gram-table/class-table.ts';
import { classBlocksOf } from '../../proto/class-blocks.ts';
import { type Behaviour, knownAttacks } from './behaviours.ts';
import { canMissLiars, type Part } from './parts.ts';
import { scoresBy, type TableCluster, type TableWorld, tableWorld } from './table-world.ts';

/** What liars do to tables: the generic attacks on updates, and three that keep the shape. */
export const tableAttacks = ['whitelist own class', 'whitelist, family in sample', 'sybils of a rare class'] as const;
type TableBehaviour = Behaviour | (typeof tableAttacks)[number];

const family = 'reverse_shell';
/** Train labels mean nothing to what counts. */
const generic = knownAttacks.filter((name) => name !== 'label flip');
const policies = {
  mean: () => ({ ...defaultPolicy(0), before: [], rule: { kind: 'mean' } }),
  'today: mixing + multi-krum': (f) => defaultPolicy(f),
  'declared holders, no sample': (f) => defaultPolicy(f, { classes: true }),
  'declared holders, sample': (f) => defaultPolicy(f, { classes: true, sample: true }),
} as const satisfies Record<string, (f: number) => AggregationPolicy>;
type TableRule = keyof typeof policies;

/** One round: a table's delta does not depend on the base, so further rounds over the same data change nothing. */
export function tableParts(): Part[] {
  const worlds = new Map<string, Promise<TableWorld>>();
  const seeds = ['4', '5'];
  return [3, 6, 8].map((f): Part => {
    const judged = new Map<string, Judged>();
    const silents = new Map<string, Judged>();
    return {
      name: `tables n=20 f=${f}`,
      title: `Gram tables by class, n = 20, f = ${f}`,
      ...{ n: 20, f, cover: 'all', seeds },
      // All of them are held against silent liars.
      rules: Object.entries(policies).flatMap(([rule, policyOf]) => (canMissLiars(policyOf(f), 20) ? [rule] : [])),
      behavioursOf: (rule) => {
        // Trying subsets on a sample takes seconds a round; what is refused by shape is refused before.
        const some = rule === 'declared holders, sample' ? (['min-max', 'mimic', 'sign flip ×4'] as const) : generic;
        return ['none', 'silent', ...some, ...tableAttacks];
      },
      async measure(rule, behaviour) {
        const cell = { rule, behaviour, seeds, accuracy: 0, recall: 0, backdoor: 0 };
        for (const seed of seeds) {
          worlds.set(seed, worlds.get(seed) ?? tableWorld(20, seed));
          const world = await (worlds.get(seed) as Promise<TableWorld>);
          const judgedAs = (weights: Float32Array) => {
            const key = `${seed} ${digestOf(weights)}`;
            const found = judged.get(key) ?? judge(world, f, weights);
            judged.set(key, found);
            return found;
          };
          const found = judgedAs(await roundOf(world, rule as TableRule, behaviour as TableBehaviour, f, seed));
          const silentKey = `${rule} ${seed}`;
          const silent = silents.get(silentKey) ?? judgedAs(await roundOf(world, rule as TableRule, 'silent', f, seed));
          silents.set(silentKey, silent);
          cell.accuracy += found.auc / seeds.length;
          cell.recall += found.recall / seeds.length;
          cell.backdoor += passed(silent, found) / seeds.length;
        }
        return cell;
      },
    };
  });
}

/** `found`: whether each of the family's judged traces in the attacked class is found at one false alarm in twenty. */
type Judged = Readonly<{ auc: number; recall: number; found: readonly boolean[] }>;

async function roundOf(
  world: TableWorld,
  rule: TableRule,
  behaviour: TableBehaviour,
  f: number,
  seed: string,
): Promise<Float32Array> {
  const { clusters, spec } = world;
  const honest = clusters.slice(f);
  const liars = clusters.slice(0, f);
  const sent = await tablesOf(world, liars, honest, behaviour, seed);
  const rows = [...sent, ...honest];
  const base = new Float32Array(honest[0]?.table.length ?? 0);
  const sink = memorySink(base.length);
  const policy: AggregationPolicy = { ...policies[rule](f), admission: { normMax: 1e6, zeroUpdate: 'admit' } };
  const byClass = policy.rule.kind === 'declaredHolders';
  const blocks = classBlocksOf(spec)?.blocks ?? [];
  const sampled = rule === 'declared holders, sample';
  const algebra = fastAlgebra({ workers: 1 });
  try {
    const context = {
      base,
      measure: false,
      ...(byClass && {
        shape: { norm: 4, tolerance: 0.02 },
        classes: {
          blocks: blocks.map(({ className, offset, length }) => ({ class: className, ranges: [{ offset, length }] })),
          declared: rows.map(({ classes }) => classes),
        },
      }),
      ...(sampled && {
        trusted: { loss: await world.sampleWithout(behaviour === 'whitelist own class' ? family : undefined) },
      }),
    };
    unwrap(await aggregate(policy, unwrap(memoryBlocks(rows.map(({ table }) => table))), algebra, sink, context));
  } finally {
    await algebra.close();
  }
  return Float32Array.from(sink.values);
}

/** What liars send, with the classes that they declare: those that they were enrolled for, or the rare one. */
async function tablesOf(
  world: TableWorld,
  liars: readonly TableCluster[],
  honest: readonly TableCluster[],
  behaviour: TableBehaviour,
  seed: string,
): Promise<Pick<TableCluster, 'table' | 'classes'>[]> {
  const f = liars.length;
  switch (behaviour) {
    case 'silent':
      return [];
    case 'none':
      return [...liars];
    case 'whitelist own class':
    case 'whitelist, family in sample':
      return liars.map((liar) => ({ ...liar, table: whitelisting(liar.table, poisonOf(world, liar.classes), 0.5) }));
    case 'sybils of a rare class': {
      const classes = [rareClass(world, honest)];
      return sybils(f, poisonOf(world, classes), 4).map((table) => ({ table, classes }));
    }
    default: {
      const attack = attacks[behaviour as keyof typeof attacks];
      const made = await attack({ honest: honest.map(({ table }) => table), f, seed });
      return made.map((table, at) => ({ table, classes: liars[at]?.classes ?? [] }));
    }
  }
}

/** What counting the family's traces as normal work of these classes gives; never the traces that are judged. */
function poisonOf({ spec, poison }: TableWorld, classes: readonly string[]): Float32Array {
  const traces = poison.get(family) ?? [];
  const claimed = classes.flatMap((service) => traces.map(({ calls }) => ({ service, calls })));
  return trainClassTable(spec, claimed).weights;
}

/** The class that fewest honest clusters have. */
function rareClass({ names }: TableWorld, honest: readonly TableCluster[]): string {
  const held = (name: string) =>
    honest.filter(({ classes }) => classes.includes(name)).length || Number.POSITIVE_INFINITY;
  return names.toSorted((a, b) => held(a) - held(b) || (a < b ? -1 : 1))[0] as string;
}

function judge(world: TableWorld, f: number, weights: Float32Array): Judged {
  const { judged, clusters } = world;
  const scores = scoresBy(world, weights);
  const honest = new Set(clusters.slice(f).flatMap(({ classes }) => classes));
  const pick = (wanted: (at: number) => boolean) =>
    scores.filter((_, at) => honest.has(judged[at]?.service ?? '') && wanted(at));
  const benign = (at: number) => isBenign(judged[at] as Trace);
  const normal = pick(benign).sort((a, b) => a - b);
  const threshold = normal[Math.floor(0.95 * normal.length)] as number;
  const attacked = new Set(clusters.slice(0, f).flatMap(({ classes }) => classes));
  const found = judged.flatMap((trace, at) =>
    trace.family === family && attacked.has(trace.service) ? [(scores[at] as number) > threshold] : [],
  );
  const ofFamily = judged.flatMap((trace, at) => (trace.family === family ? [(scores[at] as number) > threshold] : []));
  return {
    auc: areaUnderRoc(normal, pick((at) => !benign(at))), // biome-ignore format: one line
    recall: ofFamily.filter(Boolean).length / ofFamily.length,
    found,
  };
}

/** Share of the family that is found while liars are silent and passes now. */
function passed(silent: Judged, now: Judged): number {
  const found = silent.found.filter(Boolean).length;
  return silent.found.filter((each, at) => each && !now.found[at]).length / Math.max(1, found);
}

function digestOf(weights: Float32Array): string {
  return createHash('sha256')
    .update(Buffer.from(weights.buffer, weights.byteOffset, weights.byteLength))
    .digest('hex');
}
