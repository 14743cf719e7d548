import { createHash } from 'node:crypto';
import { aggregate } from '../../aggregation/aggregate.ts';
import { fastAlgebra } from '../../aggregation/algebra/fast-algebra.ts';
import { attacks } from '../../aggregation/attacks/attacks.ts';
import { sybils, whitelisting } from '../../aggregation/attacks/knowing.ts';
import { memoryBlocks, memorySink } from '../../aggregation/blocks/blocks.ts';
import { type AggregationPolicy, defaultPolicy } from '../../aggregation/policy.ts';
import { unwrap } from '../../base/fault.ts';
import { trainClassTable } from '../../client/tracks/syscall/gram-table/class-table.ts';
import { classBlocksOf } from '../../proto/class-blocks.ts';
import { passesGate } from './attack-set-gate.ts';
import { type Behaviour, knownAttacks } from './behaviours.ts';
import { family, type Judged, judgedBy, type Passes, passesOf, shareOf } from './judged.ts';
import { canMissLiars, type Part, reportedSeeds } from './parts.ts';
import { scoresBy, type TableCluster, type TableWorld, tableWorld } from './table-world.ts';

/** What liars do to tables: the generic attacks on updates, and three that keep the shape. */
export const tableAttacks = [
  'whitelist own class',
  'whitelist, family in sample',
  'whitelist, family in one attack set',
  'sybils of a rare class',
] as const;
type TableBehaviour = Behaviour | (typeof tableAttacks)[number];

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
  // What passes is counted trace by trace, a few dozen a seed in the attacked classes: on all reported seeds.
  const seedsOf = (behaviour: string) =>
    (tableAttacks as readonly string[]).includes(behaviour) ? reportedSeeds : reportedSeeds.slice(0, 2);
  return [3, 6, 8].map((f): Part => {
    const judged = new Map<string, Judged>();
    const silents = new Map<string, Judged>();
    return {
      name: `tables n=20 f=${f}`,
      title: `Gram tables by class, n = 20, f = ${f}`,
      ...{
        n: 20,
        f,
        cover: 'all',
        cannotRun: Object.keys(policies).filter((rule) => !canMissLiars(policies[rule as TableRule](f), 20)),
      },
      sameAs: () => undefined,
      // All of them are held against silent liars.
      rules: Object.entries(policies).flatMap(([rule, policyOf]) => (canMissLiars(policyOf(f), 20) ? [rule] : [])),
      behavioursOf: (rule) => {
        // Trying subsets on a sample takes seconds a round; what is refused by shape is refused before.
        const some = rule === 'declared holders, sample' ? (['min-max', 'mimic', 'sign flip ×4'] as const) : generic;
        return ['none', 'silent', ...some, ...tableAttacks];
      },
      async measure(rule, behaviour) {
        const seeds = seedsOf(behaviour);
        const cell = { rule, behaviour, seeds, accuracy: 0, recall: 0, backdoor: 0, passes: [] as Passes[] };
        for (const seed of seeds) {
          worlds.set(seed, worlds.get(seed) ?? tableWorld(20, seed));
          const world = await (worlds.get(seed) as Promise<TableWorld>);
          const judgedAs = (weights: Float32Array) => {
            const key = `${seed} ${digestOf(weights)}`;
            const found = judged.get(key) ?? judgedBy(world, f, scoresBy(world, weights));
            judged.set(key, found);
            return found;
          };
          const made = judgedAs(await roundOf(world, rule as TableRule, behaviour as TableBehaviour, f, seed));
          const silentKey = `${rule} ${seed}`;
          const silent = silents.get(silentKey) ?? judgedAs(await roundOf(world, rule as TableRule, 'silent', f, seed));
          silents.set(silentKey, silent);
          const inSet = behaviour === 'whitelist, family in one attack set' ? attackSetCases : 0;
          // What the gate holds runs nowhere: what ran before stays, here what the honest clusters make alone.
          const found = inSet > 0 && !isPromoted(f, silent, made) ? silent : made;
          cell.accuracy += found.auc / seeds.length;
          cell.recall += found.recall / seeds.length;
          const passes = passesOf(silent, found, inSet);
          cell.passes.push(passes);
          cell.backdoor += shareOf(passes) / seeds.length;
        }
        return cell;
      },
    };
  });
}

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
        trusted: { loss: await world.sampleWithout(holdsFamily(behaviour) ? undefined : family) },
      }),
    };
    unwrap(await aggregate(policy, unwrap(memoryBlocks(rows.map(({ table }) => table))), algebra, sink, context));
  } finally {
    await algebra.close();
  }
  return Float32Array.from(sink.values);
}

/** Whether the sample does: not where a cluster's attack set or nobody else does. */
function holdsFamily(behaviour: TableBehaviour): boolean {
  return behaviour !== 'whitelist own class' && behaviour !== 'whitelist, family in one attack set';
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
    case 'whitelist, family in one attack set':
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

/** So many of the family's judged traces are one honest cluster's attack set instead. */
const attackSetCases = 10;

/** What the gate says of a round's table after the one that honest clusters made alone. */
function isPromoted(f: number, live: Judged, candidate: Judged): boolean {
  const found = ({ found: each }: Judged) => each.slice(0, attackSetCases).filter(Boolean).length;
  return passesGate(20, f, { cases: attackSetCases, live: found(live), candidate: found(candidate) });
}

function digestOf(weights: Float32Array): string {
  return createHash('sha256')
    .update(Buffer.from(weights.buffer, weights.byteOffset, weights.byteLength))
    .digest('hex');
}
