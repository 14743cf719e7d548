import { aggregate } from '../../aggregation/aggregate.ts';
import { fastAlgebra } from '../../aggregation/algebra/fast-algebra.ts';
import { attacks } from '../../aggregation/attacks/attacks.ts';
import { sybils, whitelisting } from '../../aggregation/attacks/knowing.ts';
import { memoryBlocks, memorySink } from '../../aggregation/blocks/blocks.ts';
import { type AggregationPolicy, checkPolicy, defaultPolicy } from '../../aggregation/policy.ts';
import { unwrap } from '../../base/fault.ts';
import { trainClassTable } from '../../client/tracks/syscall/gram-table/class-table.ts';
import { classBlocksOf } from '../../proto/class-blocks.ts';
import { passesGate } from './attack-set-gate.ts';
import { type Behaviour, knownAttacks } from './behaviours.ts';
import { family, type Judged, judgedBy, type Passes, passesOf, rareClass, shareOf } from './judged.ts';
import { canMissLiars, type Part, reportedSeeds } from './parts.ts';
import { deploymentOf, type RuleName, ruleNames } from './rules.ts';
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
/** Those that did most to some rule, for rules that only stand beside what is deployed. */
const harsh = ['sign flip ×4', 'alie z=1.5', 'min-max'] as const;
const byShape = {
  'declared holders, no sample': (f) => defaultPolicy(f, { classes: true }),
  'declared holders, sample': (f) => defaultPolicy(f, { classes: true, sample: true }),
} as const satisfies Record<string, (f: number) => AggregationPolicy>;
const deployed = ['mean', 'today: mixing + multi-krum', ...Object.keys(byShape)] as readonly TableRule[];
type TableRule = RuleName | keyof typeof byShape;

/** A table's loss on a sample has no gradient, and nothing trains on it in batches: rules that need either are not for tables. */
const forTables = (rule: RuleName) =>
  deploymentOf(rule, 0).policy.rule.kind !== 'trustedWeights' && deploymentOf(rule, 0).sampleShare === 0;
const rules: readonly TableRule[] = [...deployed, ...ruleNames.filter((rule) => forTables(rule) && !deployed.includes(rule))]; // biome-ignore format: one line

function policyOf(rule: TableRule, f: number): AggregationPolicy {
  const own = byShape[rule as keyof typeof byShape];
  const policy = own === undefined ? deploymentOf(rule as RuleName, f).policy : own(f);
  return { ...policy, admission: { normMax: 1e6, zeroUpdate: 'admit' } };
}

const n = 20;

/** One round: a table's delta does not depend on the base, so further rounds over the same data change nothing. */
export function tableParts(): Part[] {
  const worlds = new Map<string, Promise<TableWorld>>();
  // What passes is counted trace by trace, a few dozen a seed in the attacked classes: on all reported seeds.
  const seedsOf = (rule: TableRule, behaviour: string) => {
    if (!deployed.includes(rule)) return reportedSeeds.slice(0, 1);
    return (tableAttacks as readonly string[]).includes(behaviour) ? reportedSeeds : reportedSeeds.slice(0, 2);
  };
  return [3, 6, 8].map((f): Part => {
    const judged = new Map<string, Promise<Judged>>();
    const runs = (rule: TableRule) => checkPolicy(policyOf(rule, f), n).length === 0;
    // Where a rule cannot miss the liars' updates, what it makes of honest ones stands for it.
    const yardstickOf = (rule: TableRule) => (canMissLiars(policyOf(rule, f), n) ? 'silent' : 'none');
    return {
      name: `tables n=${n} f=${f}`,
      title: `Gram tables by class, n = ${n}, f = ${f}`,
      ...{ n, f, cover: 'all', rules: rules.filter(runs), cannotRun: rules.filter((rule) => !runs(rule)) },
      sameAs: () => undefined,
      behavioursOf: (name) => {
        const rule = name as TableRule;
        // Trying subsets on a sample takes seconds a round; what is refused by shape is refused before.
        const few = ['min-max', 'mimic', 'sign flip ×4'] as const;
        const some = rule === 'declared holders, sample' ? few : deployed.includes(rule) ? generic : harsh;
        return ['none', ...(yardstickOf(rule) === 'silent' ? ['silent'] : []), ...some, ...tableAttacks];
      },
      async measure(name, behaviour) {
        const rule = name as TableRule;
        const seeds = seedsOf(rule, behaviour);
        const cell = { rule, behaviour, seeds, accuracy: 0, recall: 0, backdoor: 0, passes: [] as Passes[] };
        for (const seed of seeds) {
          worlds.set(seed, worlds.get(seed) ?? tableWorld(n, seed));
          const world = await (worlds.get(seed) as Promise<TableWorld>);
          const judgedUnder = (each: TableBehaviour) => {
            // What liars send does not depend on who holds the family, nor does what a rule makes of it that asks no sample.
            const key = `${rule} ${seed} ${each.replace(/^whitelist.*/, 'whitelist')} ${usesLoss(rule) && holdsFamily(each)}`;
            const known = judged.get(key) ?? judgedRound(world, rule, each, f, seed);
            judged.set(key, known);
            return known;
          };
          const [made, yardstick] = [
            await judgedUnder(behaviour as TableBehaviour),
            await judgedUnder(yardstickOf(rule)),
          ];
          const inSet = behaviour === 'whitelist, family in one attack set' ? attackSetCases : 0;
          // What the gate holds runs nowhere: what ran before stays, here what the honest clusters make alone.
          const found = inSet > 0 && !isPromoted(f, yardstick, made) ? yardstick : made;
          cell.accuracy += found.auc / seeds.length;
          cell.recall += found.recall / seeds.length;
          const passes = passesOf(yardstick, found, inSet);
          cell.passes.push(passes);
          cell.backdoor += shareOf(passes) / seeds.length;
        }
        return cell;
      },
    };
  });
}

async function judgedRound(world: TableWorld, rule: TableRule, behaviour: TableBehaviour, f: number, seed: string) {
  return judgedBy(world, f, scoresBy(world, await roundOf(world, rule, behaviour, f, seed)));
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
  const policy = policyOf(rule, f);
  const byClass = policy.rule.kind === 'declaredHolders';
  const blocks = classBlocksOf(spec)?.blocks ?? [];
  const algebra = fastAlgebra({ workers: 1 });
  try {
    const loss = usesLoss(rule) ? await world.sampleWithout(holdsFamily(behaviour) ? undefined : family) : undefined;
    const context = {
      ...{ base, seed, measure: false },
      ...(byClass && {
        shape: { norm: 4, tolerance: 0.02 },
        classes: {
          blocks: blocks.map(({ className, offset, length }) => ({ class: className, ranges: [{ offset, length }] })),
          declared: rows.map(({ classes }) => classes),
        },
      }),
      ...(loss && { trusted: { loss, ...(loss.reference && { reference: loss.reference }) } }),
    };
    unwrap(await aggregate(policy, unwrap(memoryBlocks(rows.map(({ table }) => table))), algebra, sink, context));
  } finally {
    await algebra.close();
  }
  return Float32Array.from(sink.values);
}

function usesLoss(rule: TableRule): boolean {
  return rule === 'declared holders, sample' || rule === 'FLTrust';
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
      const classes = [rareClass(world.names, honest)];
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

/** So many of the family's judged traces are one honest cluster's attack set instead. */
const attackSetCases = 10;

/** What the gate says of a round's table after the one that honest clusters made alone. */
function isPromoted(f: number, live: Judged, candidate: Judged): boolean {
  const found = ({ found: each }: Judged) => each.slice(0, attackSetCases).filter(Boolean).length;
  return passesGate(20, f, { cases: attackSetCases, live: found(live), candidate: found(candidate) });
}
