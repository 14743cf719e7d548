import { aggregate } from '../../aggregation/aggregate.ts';
import { fastAlgebra } from '../../aggregation/algebra/fast-algebra.ts';
import { blocksOf, granted } from '../../aggregation/algebra/samples.ts';
import { type AttackName, attacks } from '../../aggregation/attacks/attacks.ts';
import { meanOf, squaredDistance } from '../../aggregation/attacks/honest.ts';
import { memorySink } from '../../aggregation/blocks/blocks.ts';
import type { LinearAlgebra } from '../../aggregation/linear-algebra.ts';
import type { AggregationPolicy, PreAggregation, Rule } from '../../aggregation/policy.ts';
import { seededNumbers } from '../../base/random.ts';
import type { Bench } from '../harness/bench.ts';
import { figure } from '../harness/measure.ts';
import type { Report } from '../harness/report.ts';

type Size = Readonly<{ clusters: number; regions: number; d: number; fIn: number; fOut: number }>;

const whole: Size = { clusters: 1_000, regions: 20, d: 1_000, fIn: 16, fOut: 4 };
const few: Size = { clusters: 100, regions: 10, d: 40, fIn: 3, fOut: 2 };

const mixing: readonly PreAggregation[] = [{ kind: 'nearestNeighbourMixing' }];
const rules: Readonly<Record<string, Readonly<{ rule: Rule; before: readonly PreAggregation[] }>>> = {
  Krum: { rule: { kind: 'krum' }, before: [] },
  'Multi-Krum': { rule: { kind: 'multiKrum', keep: { kind: 'allButF' } }, before: [] },
  'mixing + Krum': { rule: { kind: 'krum' }, before: mixing },
  'mixing + trimmed mean': { rule: { kind: 'trimmedMean' }, before: mixing },
};

const tried: readonly AttackName[] = ['sign flip', 'gaussian', 'alie', 'ipm ε=0.5', 'min-max'];

/** Where the liars are; `spread`: how far regions' own means lie apart, in deviations of one honest update. */
const placements = [
  { name: '20 % anywhere', share: 0.2, packed: false, spread: 0 },
  { name: '20 % packed into a fifth of the regions', share: 0.2, packed: true, spread: 0 },
  { name: '10 % anywhere, regions differ', share: 0.1, packed: false, spread: 0.7 },
] as const;

type Errors = Readonly<{ flat: number; ruleOfRules: number; ruleThenMean: number }>;

/** What regions cost and save, by the rules that coordinators run. */
export const bench: Bench = {
  name: 'regions',
  summary:
    'The same updates through one rule over all clusters, through a rule in each region and one over regions, and through a rule in each region and their mean: how far the worst of five attacks moves each from the honest mean.',
  async run({ small, only }, report) {
    const size = small ? few : whole;
    const rows: (readonly [string, string, Errors])[] = [];
    const algebra = fastAlgebra();
    try {
      for (const placement of placements) {
        for (const [name, { rule, before }] of Object.entries(rules)) {
          const which = `${name}, ${placement.name}`;
          if (only !== undefined && !which.includes(only)) continue;
          const errors = await worst(algebra, size, placement, { rule, before });
          report.record({ case: which, ...errors });
          rows.push([placement.name, name, errors]);
        }
      }
    } finally {
      await algebra.close();
    }
    page(report, size, rows);
  },
};

/** Of each way the attack that moves it most; each attack sees every honest update. */
async function worst(
  algebra: LinearAlgebra,
  size: Size,
  { share, packed, spread }: (typeof placements)[number],
  { rule, before }: Readonly<{ rule: Rule; before: readonly PreAggregation[] }>,
): Promise<Errors> {
  const { clusters, regions, fIn, fOut, d } = size;
  const each = clusters / regions;
  const liars = Math.round(clusters * share);
  const isLiar = placed(clusters, liars, packed);
  const all = honestUpdates(size, spread);
  const honest = all.filter((_, at) => isLiar[at] !== true);
  const honestMean = meanOf(honest);
  const deviation = Math.sqrt(honest.reduce((sum, one) => sum + squaredDistance(one, honestMean), 0) / honest.length);
  const errors = { flat: 0, ruleOfRules: 0, ruleThenMean: 0 };
  for (const name of tried) {
    const lies = await attacks[name]({ honest, f: liars, seed: name });
    let next = 0;
    const sent = all.map((own, at) => (isLiar[at] === true ? (lies[next++] as Float32Array) : own));
    const policy = (f: number): AggregationPolicy => ({
      ...{ f, rule, before },
      admission: { normMax: 1e15, zeroUpdate: 'refuse' },
    });
    const by = async (f: number, updates: readonly Float32Array[]) => {
      const sink = memorySink(d);
      const context = { seed: name, measure: false };
      granted(await aggregate(policy(f), blocksOf([...updates]), algebra, sink, context));
      return Float32Array.from(sink.values);
    };
    const ofRegions: Float32Array[] = [];
    for (let region = 0; region < regions; region++) {
      ofRegions.push(await by(fIn, sent.slice(region * each, (region + 1) * each)));
    }
    const error = (result: ArrayLike<number>) =>
      Math.sqrt(squaredDistance(Float64Array.from(result), honestMean)) / deviation;
    errors.flat = Math.max(errors.flat, error(await by(liars, sent)));
    errors.ruleOfRules = Math.max(errors.ruleOfRules, error(await by(fOut, ofRegions)));
    errors.ruleThenMean = Math.max(errors.ruleThenMean, error(meanOf(ofRegions)));
  }
  return errors;
}

/** By place; regions lie one after another. */
function placed(clusters: number, liars: number, packed: boolean): readonly boolean[] {
  if (packed) return Array.from({ length: clusters }, (_, at) => at < liars);
  const random = seededNumbers('placement');
  const order = Array.from({ length: clusters }, (_, at) => at);
  for (let at = clusters - 1; at > 0; at--) {
    const other = random.integer(at + 1);
    [order[at], order[other]] = [order[other] as number, order[at] as number];
  }
  const chosen = new Set(order.slice(0, liars));
  return Array.from({ length: clusters }, (_, at) => chosen.has(at));
}

/** A common direction as long as one deviation, noise of length one about it, and each region's own offset. */
function honestUpdates({ clusters, regions, d }: Size, spread: number): Float32Array[] {
  const random = seededNumbers('honest');
  const vector = (length: number) => Array.from({ length: d }, () => (length * random.normal()) / Math.sqrt(d));
  const common = vector(1);
  const offsets = Array.from({ length: regions }, () => vector(spread));
  return Array.from({ length: clusters }, (_, at) => {
    const offset = offsets[Math.floor((at * regions) / clusters)] as number[];
    return Float32Array.from(vector(1), (own, j) => own + (common[j] as number) + (offset[j] as number));
  });
}

function page(
  report: Report,
  { clusters, regions, d, fIn, fOut }: Size,
  rows: readonly (readonly [string, string, Errors])[],
): void {
  report.text(
    `${clusters.toLocaleString('en')} clusters of ${d.toLocaleString('en')} values, ${regions} regions of ${clusters / regions}; f = ${fIn} in a region, ${fOut} at the root, and flat as many as lie. The figure is the distance from the mean of the honest, in deviations of one honest update, under the worst of ${tried.join(', ')}; every attacker sees every honest update. Regions that differ have means 0.7 deviations from the common one.`,
  );
  report.table(
    ['liars', 'rule', 'flat', 'rule of rules', 'rule, then mean'],
    rows.map(([placement, name, { flat, ruleOfRules, ruleThenMean }]) => [
      ...[placement, name],
      ...[flat, ruleOfRules, ruleThenMean].map((value) => figure(value)),
    ]),
  );
  report.text(
    'Never average over regions: those that liars have won move the mean. Plain Krum at the root keeps one region and throws the others away.',
  );
}
