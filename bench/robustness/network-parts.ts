import { aggregate } from '../../aggregation/aggregate.ts';
import { fastAlgebra } from '../../aggregation/algebra/fast-algebra.ts';
import { attacks } from '../../aggregation/attacks/attacks.ts';
import { doubtRaised } from '../../aggregation/attacks/doubt-raised.ts';
import { classKill, drift, sleeper, tailored } from '../../aggregation/attacks/knowing.ts';
import { memoryBlocks, memorySink } from '../../aggregation/blocks/blocks.ts';
import { type AggregationPolicy, asksOf, checkPolicy, defaultPolicy, type Rule } from '../../aggregation/policy.ts';
import { unwrap } from '../../base/fault.ts';
import { seededNumbers, shuffled } from '../../base/random.ts';
import { isBenign, type Trace } from '../../client/events/trace.ts';
import { deltaOf } from '../../client/learning/delta.ts';
import { withSample } from '../../client/learning/mixed-sample.ts';
import type { Detector, Observed } from '../../client/tracks/detector.ts';
import { languageModelDetector } from '../../client/tracks/syscall/language-model/language-model-detector.ts';
import { languageModelSpec } from '../../client/tracks/syscall/language-model/language-model-spec.ts';
import { rawTraceScore } from '../../client/tracks/syscall/scoring/trace-score.ts';
import { type Example, observed } from '../../client/tracks/syscall/traces/example.ts';
import { WorkloadClasses } from '../../client/tracks/syscall/traces/workload-classes.ts';
import { openSampleLoss } from '../../client/tracks/syscall/trusted/sample-loss.ts';
import type { SampleContent, SampleLoss } from '../../client/tracks/track-kind.ts';
import { passesGate } from './attack-set-gate.ts';
import { family, type Judged, judgedBy, type Passes, passesOf, rareClass, shareOf } from './judged.ts';
import {
  canMissLiars,
  costly,
  coverText,
  doubtAlone,
  doubtAndBackdoor,
  familyInAttackSet,
  familyInNoSample,
  type Part,
  reportedSeeds,
} from './parts.ts';
import { contrastRule, deploymentOf, type RuleName, ruleNames, toldApartRule, toldFartherRule } from './rules.ts';
import { type TableWorld, tableWorld } from './table-world.ts';

const [n, f, rounds] = [8, 2, 6];
const sizes = { embedding: 16, classEmbedding: 8, hidden: 16, warmUp: 4, predicted: 8 };
const training = { steps: 20, batchSize: 32 };
/** Of a cluster's traces so many; the sample is half of what it trains on where it is mixed in. */
const tracesMax = 60;
/** Of what tables are judged on one trace in so many: a network reads them call by call. */
const judgedEvery = 3;

type NetworkRule = RuleName | ToldRule;
type ToldRule = typeof toldApartRule | typeof toldFartherRule;

const told: readonly NetworkRule[] = [toldApartRule, toldFartherRule];
const byWeights: readonly NetworkRule[] = ['trusted weights', ...told];
const deployed: readonly NetworkRule[] = ['mean', 'today: mixing + multi-krum', 'FLTrust', ...byWeights];
/** Where the sample holds every class, what blind classes are heard by changes nothing; nor is a network linear in its weights. */
const rules = [...deployed, ...ruleNames.filter((rule) => rule !== contrastRule && !deployed.includes(rule))];

/** The rule as a network's policy has it; what share of what clients train on is the sample where that covers every service. */
function deploymentFor(rule: NetworkRule): Readonly<{ policy: AggregationPolicy; mix: number }> {
  const { policy, sampleShare } = deploymentOf(isTold(rule) ? 'trusted weights' : rule, f);
  if (!byWeights.includes(rule)) return { policy, mix: sampleShare > 0 || rule === 'FLTrust' ? 0.5 : 0 };
  const farther = rule === toldFartherRule && { search: 'quasiNewton' };
  const trusted = { ...defaultPolicy(f, { sample: true }).rule, tellApart: isTold(rule), ...farther } as Rule;
  return { policy: { ...policy, rule: trusted }, mix: 0.5 };
}

/** The same, but nothing is moved for the sample's attacks: what clusters agreed on. */
function untold(policy: AggregationPolicy): AggregationPolicy {
  return { ...policy, rule: { ...policy.rule, tellApart: false } as Rule };
}

function isTold(rule: NetworkRule): rule is ToldRule {
  return told.includes(rule);
}

const generic = ['sign flip ×4', 'alie z=1.5', 'min-max'] as const;
const ofTrusted: readonly string[] = [familyInNoSample, familyInAttackSet];
/** Of liars who would keep attacks from being told apart: nothing to the rules that do not. */
const ofTold: readonly string[] = [doubtAlone, doubtAndBackdoor];
/** What decides most comes first: a run of a network takes half a minute. */
const behaviours = [
  'silent',
  'backdoor',
  'none',
  familyInNoSample,
  'class kill',
  ...generic,
  'tailored',
  'drift',
  'sleeper',
  familyInAttackSet,
  doubtAlone,
  doubtAndBackdoor,
] as const;
/** Under half a sample: what shows whether it harms where it is blind. */
const halfBehaviours: readonly string[] = ['none', 'silent', 'min-max', 'class kill', 'drift', 'backdoor'];
type NetworkBehaviour = (typeof behaviours)[number];

/** The next-call LSTM in small, over the clusters that tables are studied with: what a network makes of the same rules. */
export function networkParts(): Part[] {
  const seedsOf = (rule: NetworkRule, behaviour: string) => {
    if (!deployed.includes(rule)) return reportedSeeds.slice(0, 1);
    return reportedSeeds.slice(0, costly.includes(behaviour) && !byWeights.includes(rule) ? 2 : undefined);
  };
  const runs = (rule: NetworkRule) => checkPolicy(deploymentFor(rule).policy, n).length === 0;
  // Where a rule cannot miss the liars' updates, what it makes of honest ones stands for it.
  const yardstickOf = (rule: NetworkRule) => (canMissLiars(deploymentFor(rule).policy, n) ? 'silent' : 'none');
  const worlds = new Map<string, Promise<TableWorld>>();
  const runsMade = new Map<string, Promise<Judged>>();
  const nameOf = (cover: 'all' | 'half') => (cover === 'all' ? `lstm n=${n} f=${f}` : `lstm n=${n} f=${f} half`);
  const part = (cover: 'all' | 'half'): Part => ({
    name: nameOf(cover),
    title: `A small LSTM, n = ${n}, f = ${f}, ${coverText[cover]}`,
    ...{ n, f, cover },
    rules: cover === 'all' ? rules.filter(runs) : ['mean', ...byWeights],
    cannotRun: cover === 'all' ? rules.filter((rule) => !runs(rule)) : [],
    sameAs: (rule) => (cover === 'half' && rule === 'mean' ? nameOf('all') : undefined),
    behavioursOf: (rule) =>
      behaviours.filter((each) => {
        if (cover === 'half') return halfBehaviours.includes(each);
        if (ofTrusted.includes(each)) return byWeights.includes(rule as NetworkRule);
        if (ofTold.includes(each)) return rule === toldApartRule;
        return each !== 'silent' || yardstickOf(rule as NetworkRule) === 'silent';
      }),
    async measure(name, behaviour) {
      const rule = name as NetworkRule;
      const seeds = seedsOf(rule, behaviour);
      const cell = { rule, behaviour, seeds, accuracy: 0, recall: 0, backdoor: 0, passes: [] as Passes[] };
      const rare = { untouched: 0, attacked: 0 };
      for (const seed of seeds) {
        worlds.set(seed, worlds.get(seed) ?? tableWorld(n, seed));
        const world = await (worlds.get(seed) as Promise<TableWorld>);
        const judged = (each: NetworkBehaviour) => {
          const key = `${cover} ${rule} ${seed} ${each}`;
          const known = runsMade.get(key) ?? networkUnder(world, { rule, cover, behaviour: each, seed });
          runsMade.set(key, known);
          return known;
        };
        const [found, yardstick] = [await judged(behaviour as NetworkBehaviour), await judged(yardstickOf(rule))];
        cell.accuracy += found.auc / seeds.length;
        cell.recall += found.recall / seeds.length;
        const passes = passesOf(yardstick, found);
        cell.passes.push(passes);
        cell.backdoor += shareOf(passes) / seeds.length;
        rare.untouched += yardstick.rare / seeds.length;
        rare.attacked += found.rare / seeds.length;
      }
      return behaviour === 'class kill' ? { ...cell, rare } : cell;
    },
  });
  return [part('all'), part('half')];
}

type Run = Readonly<{ rule: NetworkRule; cover: 'all' | 'half'; behaviour: NetworkBehaviour; seed: string }>;

/** What the sample holds: every class, or those that the seed draws; every family of attacks, or all but the backdoor's. */
function contentOf(world: TableWorld, { cover, behaviour, seed }: Run): SampleContent<Example> {
  const whole = world.contentWithout(behaviour === familyInNoSample ? family : undefined);
  if (cover === 'all') return whole;
  const { names } = world;
  const covered = shuffled(names, seededNumbers(`cover ${seed}`)).slice(0, names.length / 2);
  return only(whole, covered);
}

/** What the last round's network finds. The same for the same seed. */
async function networkUnder(world: TableWorld, run: Run): Promise<Judged> {
  const { rule, cover, behaviour, seed } = run;
  const spec = languageModelSpec(new WorkloadClasses(new Set(world.names)), sizes);
  const detector = languageModelDetector(spec);
  const { policy, mix: whole } = deploymentFor(rule);
  const mix = cover === 'half' ? whole / 2 : whole;
  const content = contentOf(world, run);
  const sample = content.normal.map(observed);
  const algebra = fastAlgebra({ workers: 1 });
  const first = detector.init(1);
  let weights = first;
  let start: Float64Array = new Float64Array(first.length);
  const loss = await openSampleLoss(spec, content, weights);
  const killed = rareClass(world.names, world.clusters.slice(f));
  const ofKilled = await openSampleLoss(spec, onlyNormal(world.contentWithout(undefined), killed), weights);
  const foundInSet = (model: Float32Array) => attackSetFound(world, scoresBy(detector, model));
  let liveFound = behaviour === familyInAttackSet ? foundInSet(weights) : undefined;
  if (loss === undefined || ofKilled === undefined) throw new TypeError('a language model has a loss on a sample');
  try {
    for (let round = 1; round <= rounds; round++) {
      const base = weights;
      const train = (traces: readonly Observed[], cluster: number) => {
        const seed = 1000 * round + cluster;
        const mixed = withSample(traces, sample, { mix, seed });
        return deltaOf(detector.train(base, mixed, { ...training, seed }).weights, base);
      };
      const own = world.clusters.map(({ normal }) => normal.slice(0, tracesMax));
      const honest = own.slice(f).map((traces, at) => train(traces, f + at));
      const reference = rule === 'FLTrust' && { reference: train(sample, n) };
      const combined = async (sent: readonly Float32Array[], by: AggregationPolicy = policy) => {
        const sink = memorySink(base.length);
        const trusted = asksOf(policy.rule).sample === 'needed' && { trusted: { loss, ...reference } };
        const context = { base, start, seed: `${seed} ${round}`, measure: false, ...trusted };
        unwrap(await aggregate(by, unwrap(memoryBlocks([...sent, ...honest])), algebra, sink, context));
        return sink.values;
      };
      const moved = (by: Float64Array) => base.map((value, at) => value + (by[at] as number));
      const sent = await sentBy(behaviour, {
        ...{ world, honest, base, first, round, loss, ofKilled, seed: `${seed} ${round}`, train, own },
        modelOf: async (tried) => moved(await combined(tried)),
        agreedOn: async (tried) => moved(await combined(tried, untold(policy))),
      });
      start = await combined(sent);
      const candidate = moved(start);
      if (liveFound !== undefined) {
        const found = foundInSet(candidate);
        if (!passesGate(n, f, { ...found, live: liveFound.candidate })) continue; // What the gate holds is given up.
        liveFound = found;
      }
      weights = candidate;
    }
  } finally {
    loss.close();
    ofKilled.close();
    await algebra.close();
  }
  const some = { ...world, judged: world.judged.filter((_, at) => at % judgedEvery === 0) };
  return judgedBy(some, f, scoresBy(detector, weights)(some.judged));
}

/** Scores of traces by the network alone, without a cluster's memory. */
function scoresBy(detector: Detector, weights: Float32Array) {
  return (traces: readonly Trace[]): number[] => {
    const opened = detector.open(weights);
    try {
      return opened.surprisal(traces).map((surprisal) => rawTraceScore({ surprisal }, undefined));
    } finally {
      opened.close();
    }
  };
}

const attackSetCases = 10;

/**
 * How many cases of one honest cluster's attack set a model finds: traces of the family in the attacked classes, which nobody learns
 * from and nothing else is judged by.
 */
function attackSetFound(world: TableWorld, scoresOf: (traces: readonly Trace[]) => number[]) {
  const attacked = new Set(world.clusters.slice(0, f).flatMap(({ classes }) => classes));
  const cases = world.judged
    .filter((trace, at) => at % judgedEvery !== 0 && trace.family === family && attacked.has(trace.service))
    .slice(0, attackSetCases);
  const judged = [...world.judged.filter((trace, at) => at % judgedEvery === 0 && isBenign(trace)), ...cases];
  const { found } = judgedBy({ ...world, judged }, f, scoresOf(judged));
  return { cases: cases.length, candidate: found.filter(Boolean).length };
}

type Scene = Readonly<{
  world: TableWorld;
  honest: readonly Float32Array[];
  own: readonly (readonly Trace[])[];
  base: Float32Array;
  first: Float32Array;
  round: number;
  loss: SampleLoss;
  /** On the class that fewest honest clusters have. */
  ofKilled: SampleLoss;
  seed: string;
  train(traces: readonly Observed[], cluster: number): Float32Array;
  /** The network that the rule makes of these hostile updates and the honest ones. */
  modelOf(sent: readonly Float32Array[]): Promise<Float32Array>;
  /** The same before it is moved for the sample's attacks. */
  agreedOn(sent: readonly Float32Array[]): Promise<Float32Array>;
}>;

/** What the f liars send. A backdoor: the family is normal work of whatever they run, as often as all else. */
async function sentBy(behaviour: NetworkBehaviour, scene: Scene): Promise<Float32Array[]> {
  const { honest, own, base, first, round, loss, ofKilled, seed, train, modelOf, world } = scene;
  const liars = own.slice(0, f);
  const ascent = async () => {
    const directions = [await gradientAt(loss, base)];
    const damageOf = async (sent: readonly Float32Array[]) => meanOf(await loss.losses(await modelOf(sent)));
    return tailored({ honest, f, seed, directions, damageOf });
  };
  const doubt = () => doubtOf(scene);
  const backdoor = () =>
    liars.map((traces, at) => {
      const services = world.clusters[at]?.classes ?? [];
      const poison = services.flatMap((service) =>
        (world.poison.get(family) ?? []).map(({ calls }) => ({ service, calls })),
      );
      return train([...traces, ...repeated(poison, traces.length)], at);
    });
  switch (behaviour) {
    case 'none':
      return liars.map(train);
    case 'silent':
      return [];
    case 'backdoor':
    case familyInAttackSet:
    case familyInNoSample:
      return backdoor();
    case doubtAlone:
      return doubt();
    case doubtAndBackdoor:
      return round % 2 === 1 ? doubt() : backdoor();
    case 'tailored':
      return ascent();
    case 'sleeper':
      return sleeper(round, Math.ceil((2 / 3) * rounds), async () => liars.map(train), ascent);
    case 'class kill':
      return classKill({ honest, f, seed }, await gradientAt(ofKilled, base));
    case 'drift':
      return drift({ honest, f, seed }, await gradientAt(loss, first));
    default:
      return await attacks[behaviour]({ honest, f, seed });
  }
}

function doubtOf({ honest, base, loss, seed, agreedOn }: Scene): Promise<Float32Array[]> {
  const { attacks: toldBy, gradient: normal } = loss;
  if (toldBy === undefined || normal === undefined)
    throw new TypeError('a language model gives both its losses a gradient');
  const attacksOf = async (sent: readonly Float32Array[]) => (await toldBy(await agreedOn(sent))).loss;
  return doubtRaised({ honest, f, seed, base, attacks: toldBy, normal, attacksOf });
}

async function gradientAt({ gradient }: SampleLoss, weights: Float32Array): Promise<Float32Array> {
  if (gradient === undefined) throw new TypeError('a language model gives its loss a gradient');
  return (await gradient(weights)).gradient;
}

function onlyNormal(content: SampleContent<Example>, wanted: string): SampleContent<Example> {
  return { ...only(content, [wanted]), attacks: [] };
}

function only({ normal, attacks: hostile, classes }: SampleContent<Example>, wanted: readonly string[]) {
  const isWanted = ({ workload }: Example) => wanted.includes(workload);
  return {
    normal: normal.filter(isWanted),
    attacks: hostile.filter(isWanted),
    classes: classes.filter(({ name }) => wanted.includes(name)),
  };
}

function meanOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function repeated<Item>(items: readonly Item[], count: number): Item[] {
  return items.length === 0 ? [] : Array.from({ length: count }, (_, at) => items[at % items.length] as Item);
}
