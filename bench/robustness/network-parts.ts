import { aggregate } from '../../aggregation/aggregate.ts';
import { fastAlgebra } from '../../aggregation/algebra/fast-algebra.ts';
import { attacks } from '../../aggregation/attacks/attacks.ts';
import { tailored } from '../../aggregation/attacks/knowing.ts';
import { memoryBlocks, memorySink } from '../../aggregation/blocks/blocks.ts';
import { type AggregationPolicy, asksOf, defaultPolicy } from '../../aggregation/policy.ts';
import { unwrap } from '../../base/fault.ts';
import type { Trace } from '../../client/events/trace.ts';
import { deltaOf } from '../../client/learning/delta.ts';
import type { Observed } from '../../client/tracks/detector.ts';
import { languageModelDetector } from '../../client/tracks/syscall/language-model/language-model-detector.ts';
import { languageModelSpec } from '../../client/tracks/syscall/language-model/language-model-spec.ts';
import { rawTraceScore } from '../../client/tracks/syscall/scoring/trace-score.ts';
import { observed } from '../../client/tracks/syscall/traces/example.ts';
import { WorkloadClasses } from '../../client/tracks/syscall/traces/workload-classes.ts';
import { openSampleLoss } from '../../client/tracks/syscall/trusted/sample-loss.ts';
import type { SampleLoss } from '../../client/tracks/track-kind.ts';
import { family, type Judged, judgedBy, passesOf, shareOf } from './judged.ts';
import { canMissLiars, type Part } from './parts.ts';
import { type TableWorld, tableWorld } from './table-world.ts';

const [n, f, rounds] = [8, 2, 6];
const sizes = { embedding: 16, classEmbedding: 8, hidden: 16, warmUp: 4, predicted: 8 };
const training = { steps: 20, batchSize: 32 };
/** Of a cluster's traces so many; the sample is half of what it trains on where it is mixed in. */
const tracesMax = 60;
/** Of what tables are judged on one trace in so many: a network reads them call by call. */
const judgedEvery = 3;

const policies = {
  mean: () => ({ ...defaultPolicy(0), before: [], rule: { kind: 'mean' } }),
  'today: mixing + multi-krum': () => defaultPolicy(f),
  FLTrust: () => ({ ...defaultPolicy(f), before: [], rule: { kind: 'fltrust' } }),
  'trusted weights': () => defaultPolicy(f, { sample: true }),
} as const satisfies Record<string, () => AggregationPolicy>;
type NetworkRule = keyof typeof policies;

const generic = ['sign flip ×4', 'alie z=1.5', 'min-max'] as const;
const behaviours = ['none', 'silent', ...generic, 'backdoor', 'tailored'] as const;
type NetworkBehaviour = (typeof behaviours)[number];

/** The next-call LSTM in small, over the clusters that tables are studied with: what a network makes of the same rules. */
export function networkParts(): Part[] {
  const seeds = ['4', '5'];
  const worlds = new Map<string, Promise<TableWorld>>();
  const silents = new Map<string, Judged>();
  return [
    {
      name: `lstm n=${n} f=${f}`,
      title: `A small LSTM, n = ${n}, f = ${f}, a sample from other clusters that covers every service`,
      ...{ n, f, cover: 'all', cannotRun: [], rules: Object.keys(policies) },
      sameAs: () => undefined,
      behavioursOf(rule) {
        if (rule === 'mean') return ['none', 'silent', 'sign flip ×4', 'backdoor'];
        const silentToo = canMissLiars(policies[rule as NetworkRule](), n);
        return behaviours.filter((behaviour) => behaviour !== 'silent' || silentToo);
      },
      async measure(rule, behaviour) {
        const cell = { rule, behaviour, seeds, accuracy: 0, recall: 0, backdoor: 0 };
        for (const seed of seeds) {
          worlds.set(seed, worlds.get(seed) ?? tableWorld(n, seed));
          const world = await (worlds.get(seed) as Promise<TableWorld>);
          const under = (each: NetworkBehaviour) => networkUnder(world, rule as NetworkRule, each, seed);
          const found = await under(behaviour as NetworkBehaviour);
          // Where a rule cannot miss the liars' updates, what it makes of honest ones stands for it.
          const without = canMissLiars(policies[rule as NetworkRule](), n) ? 'silent' : 'none';
          const key = `${rule} ${seed}`;
          const silent = behaviour === without ? found : (silents.get(key) ?? (await under(without)));
          silents.set(key, silent);
          cell.accuracy += found.auc / seeds.length;
          cell.recall += found.recall / seeds.length;
          cell.backdoor += shareOf(passesOf(silent, found)) / seeds.length;
        }
        return cell;
      },
    },
  ];
}

/** What the last round's network finds. The same for the same seed. */
async function networkUnder(
  world: TableWorld,
  rule: NetworkRule,
  behaviour: NetworkBehaviour,
  seed: string,
): Promise<Judged> {
  const spec = languageModelSpec(new WorkloadClasses(new Set(world.names)), sizes);
  const detector = languageModelDetector(spec);
  const policy: AggregationPolicy = { ...policies[rule](), admission: { normMax: 1e6, zeroUpdate: 'admit' } };
  const sampled = asksOf(policy.rule).sample !== 'no';
  const content = world.contentWithout(undefined);
  const algebra = fastAlgebra({ workers: 1 });
  let weights = detector.init(1);
  const loss = await openSampleLoss(spec, content, weights);
  if (loss === undefined) throw new TypeError('a language model has a loss on a sample');
  try {
    for (let round = 1; round <= rounds; round++) {
      const base = weights;
      const train = (traces: readonly Observed[], cluster: number) => {
        const mixed = sampled ? [...traces, ...repeated(content.normal.map(observed), traces.length)] : traces;
        const options = { ...training, seed: 1000 * round + cluster };
        return deltaOf(detector.train(base, mixed, options).weights, base);
      };
      const own = world.clusters.map(({ normal }) => normal.slice(0, tracesMax));
      const honest = own.slice(f).map((traces, at) => train(traces, f + at));
      const reference = rule === 'FLTrust' && { reference: train(content.normal.map(observed), n) };
      const combined = async (sent: readonly Float32Array[]) => {
        const sink = memorySink(base.length);
        const context = { base, measure: false, ...(sampled && { trusted: { loss, ...reference } }) };
        unwrap(await aggregate(policy, unwrap(memoryBlocks([...sent, ...honest])), algebra, sink, context));
        return base.map((value, at) => value + (sink.values[at] as number));
      };
      const scene = { world, honest, base, loss, seed: `${seed} ${round}`, train, own, combined };
      weights = await combined(await sentBy(behaviour, scene));
    }
  } finally {
    loss.close();
    await algebra.close();
  }
  const some = { ...world, judged: world.judged.filter((_, at) => at % judgedEvery === 0) };
  const opened = detector.open(weights);
  try {
    const scores = opened.surprisal(some.judged).map((surprisal) => rawTraceScore({ surprisal }, undefined));
    return judgedBy(some, f, scores);
  } finally {
    opened.close();
  }
}

type Scene = Readonly<{
  world: TableWorld;
  honest: readonly Float32Array[];
  own: readonly (readonly Trace[])[];
  base: Float32Array;
  loss: SampleLoss;
  seed: string;
  train(traces: readonly Observed[], cluster: number): Float32Array;
  combined(sent: readonly Float32Array[]): Promise<Float32Array>;
}>;

/** What the f liars send. A backdoor: the family is normal work of whatever they run, as often as all else. */
async function sentBy(behaviour: NetworkBehaviour, scene: Scene): Promise<Float32Array[]> {
  const { honest, own, base, loss, seed, train, combined, world } = scene;
  const liars = own.slice(0, f);
  switch (behaviour) {
    case 'none':
      return liars.map(train);
    case 'silent':
      return [];
    case 'backdoor':
      return liars.map((traces, at) => {
        const services = world.clusters[at]?.classes ?? [];
        const poison = services.flatMap((service) =>
          (world.poison.get(family) ?? []).map(({ calls }) => ({ service, calls })),
        );
        return train([...traces, ...repeated(poison, traces.length)], at);
      });
    case 'tailored': {
      const gradientOf = loss.gradient;
      if (gradientOf === undefined) throw new TypeError('a language model gives its loss a gradient');
      const { gradient } = await gradientOf(base);
      const damageOf = async (sent: readonly Float32Array[]) => (await gradientOf(await combined(sent))).loss;
      return tailored({ honest, f, seed, directions: [gradient], damageOf });
    }
    default:
      return await attacks[behaviour]({ honest, f, seed });
  }
}

function repeated<Item>(items: readonly Item[], count: number): Item[] {
  return items.length === 0 ? [] : Array.from({ length: count }, (_, at) => items[at % items.length] as Item);
}
