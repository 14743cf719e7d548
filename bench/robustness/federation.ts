import { aggregate } from '../../aggregation/aggregate.ts';
import { memoryBlocks, memorySink } from '../../aggregation/blocks/blocks.ts';
import type { DeclaredClasses } from '../../aggregation/class-blocks.ts';
import type { LinearAlgebra } from '../../aggregation/linear-algebra.ts';
import type { AggregationPolicy } from '../../aggregation/policy.ts';
import type { TrustedLoss } from '../../aggregation/trusted/trusted-loss.ts';
import { unwrap } from '../../base/fault.ts';
import { type SeededNumbers, seededNumbers, shuffled } from '../../base/random.ts';
import type { Example, ServiceTask } from '../../lab/data/service-task.ts';
import { passesGate } from './attack-set-gate.ts';
import { type Attacker, type Behaviour, hostileRows } from './behaviours.ts';
import { type LocalTraining, predicted, recalls, type Shape, trainedDelta } from './softmax.ts';
import { softmaxLoss } from './softmax-loss.ts';

/** Which services the trusted sample covers: all, every other one, or there is no sample. */
export type Cover = 'all' | 'half' | 'none';

/** `servicesEach`: how many services a client has traces of; all of them when absent: clients are alike. */
export type Setting = Readonly<{
  clients: number;
  byzantine: number;
  servicesEach: number | undefined;
  rounds: number;
  training: LocalTraining;
  cover: Cover;
  /** Attack traces of the backdoor's family stand in the sample, under the service that they were made in. */
  sampleHoldsFamily?: boolean;
  /** One honest cluster has some in its attack set, and the gate stands before every round's model: what it holds is given up. */
  attackSetHoldsFamily?: boolean;
}>;

/**
 * A rule as it is deployed: with what share of the sample in every batch, and whether blocks by class are told to it. `combine`:
 * of another framework's rule, in the place of what the policy says.
 */
export type Deployment = Readonly<{
  policy: AggregationPolicy;
  sampleShare: number;
  byClass: boolean;
  combine?: (rows: readonly Float32Array[]) => Promise<Float64Array>;
}>;

/** `recall`: of the class under attack. `backdoor`: share of the family's traces that pass for the attacker's service. */
export type Outcome = Readonly<{ accuracy: number; recall: number; backdoor: number }>;

/** After the last round; the same for the same seed. Throws when a round is refused. */
export async function federated(
  task: ServiceTask,
  setting: Setting,
  deployment: Deployment,
  behaviour: Behaviour,
  algebra: LinearAlgebra,
  seed: string,
): Promise<Outcome> {
  const scene = sceneOf(task, setting, deployment, seed);
  const attacker = attackerOf(scene, task, behaviour);
  let weights = new Float32Array(scene.shape.features * scene.shape.classes);
  let start: Float64Array = new Float64Array(weights.length);
  for (let round = 1; round <= setting.rounds; round++) {
    const { random, shape, mixture } = scene;
    const train = (examples: readonly Example[]) =>
      trainedDelta(weights, shape, examples, setting.training, random, mixture);
    const honest = scene.clients.slice(setting.byzantine).map(train);
    const reference =
      deployment.policy.rule.kind === 'fltrust'
        ? trainedDelta(weights, shape, scene.sample, setting.training, random)
        : undefined;
    const base = weights;
    const roundSeed = `${seed} ${round - 1}`;
    const combined = async (sent: readonly Float32Array[], byzantine: number): Promise<Float64Array> => {
      if (deployment.combine) return deployment.combine(sent);
      const sink = memorySink(base.length);
      const context = {
        ...{ seed: roundSeed, start, base, measure: false },
        ...(scene.loss && { trusted: { loss: scene.loss, ...(reference && { reference }) } }),
        ...(deployment.byClass && { classes: declaredBy(scene, sent.length, byzantine) }),
      };
      unwrap(await aggregate(deployment.policy, unwrap(memoryBlocks(sent)), algebra, sink, context));
      return sink.values;
    };
    const moved = (aggregated: Float64Array) => base.map((value, at) => value + (aggregated[at] as number));
    const made =
      behaviour === 'none'
        ? scene.clients.slice(0, setting.byzantine).map(train)
        : await hostileRows(behaviour, {
            ...attacker,
            ...{ honest, base, round, rounds: setting.rounds, seed: roundSeed, train },
            own: scene.clients.slice(0, setting.byzantine),
            modelOf: async (sent) => moved(await combined([...sent, ...honest], sent.length)),
          });
    start = await combined([...made, ...honest], made.length);
    const candidate = moved(start);
    if (setting.attackSetHoldsFamily && !isPromoted(scene, attacker, task, seed, weights, candidate)) continue;
    weights = candidate;
  }
  return outcomeOf(scene, task, weights);
}

/** What the gate says where one honest cluster's attack set has the family, as of the service that the backdoor opens. */
function isPromoted(
  { setting, shape }: Scene,
  { target }: Attacker,
  task: ServiceTask,
  seed: string,
  live: Float32Array,
  candidate: Float32Array,
): boolean {
  const set = familyTraces(task, seed).sample;
  const found = (weights: Float32Array) => {
    const wide = new Float64Array(weights);
    return set.filter((example) => predicted(wide, shape, example) !== target).length;
  };
  const { clients, byzantine } = setting;
  return passesGate(clients, byzantine, { cases: set.length, live: found(live), candidate: found(candidate) });
}

/** What a model is worth in this scene. */
export function outcomeOf(scene: Scene, task: ServiceTask, weights: Float32Array): Outcome {
  const byClass = recalls(weights, scene.shape, task.test);
  const { family, target, killed } = attackerOf(scene, task, 'none');
  const wide = new Float64Array(weights);
  return {
    accuracy: byClass.reduce((sum, recall) => sum + recall, 0) / byClass.length,
    recall: byClass[killed] as number,
    backdoor:
      family.test.filter((example) => predicted(wide, scene.shape, example) === target).length / family.test.length,
  };
}

type Scene = Readonly<{
  shape: Shape;
  services: readonly string[];
  setting: Setting;
  clients: readonly (readonly Example[])[];
  /** The classes that each client has; liars declare what they were dealt, and what they attack. */
  declares: readonly (readonly number[])[];
  sample: readonly Example[];
  loss: TrustedLoss | undefined;
  mixture: Readonly<{ mixed: readonly Example[]; share: number }>;
  random: SeededNumbers;
}>;

/** What the backdoor teaches: traces of this family pass for normal work of a service in which none was ever made. */
const backdoorFamily = 'reverse_shell';

/** Who has which traces, what they declare and what the sample holds; by the seed. */
export function sceneOf(
  task: ServiceTask,
  setting: Setting,
  { sampleShare }: Pick<Deployment, 'sampleShare'>,
  seed: string,
): Scene {
  const random = seededNumbers(`federation ${seed}`);
  const shape = { features: task.features, classes: task.services.length };
  const clients = clientData(task, setting, random);
  const covered = new Set(
    shuffled([...task.services.keys()], seededNumbers(`cover ${seed}`)).slice(0, coveredCount(task, setting)),
  );
  const family = setting.sampleHoldsFamily ? familyTraces(task, seed).sample : [];
  const sample = [...task.sample, ...family].filter(({ label }) => covered.has(label));
  const share = (sampleShare * covered.size) / task.services.length;
  return {
    ...{ shape, services: task.services, setting, clients, sample, random },
    declares: clients.map((examples) => [...new Set(examples.map(({ label }) => label))]),
    loss: sample.length === 0 ? undefined : softmaxLoss(sample, shape, task.services),
    mixture: { mixed: sample, share: sample.length === 0 ? 0 : share },
  };
}

function coveredCount({ services }: ServiceTask, { cover }: Setting): number {
  return cover === 'all' ? services.length : cover === 'half' ? services.length / 2 : 0;
}

/** Of one family: what liars learn from, what a sample or an honest cluster may hold, what success is measured on. */
function familyTraces(task: ServiceTask, seed: string) {
  const all = shuffled(task.attacks.get(backdoorFamily) ?? [], seededNumbers(`family ${seed}`));
  const third = Math.floor(all.length / 3);
  return { train: all.slice(0, third), sample: all.slice(third, third + 10), test: all.slice(2 * third) };
}

/** The service that fewest honest clients have is the one to kill; the backdoor opens into one where the family never was. */
function attackerOf(scene: Scene, task: ServiceTask, behaviour: Behaviour): Attacker {
  const { shape, declares, setting, services } = scene;
  const honest = declares.slice(setting.byzantine);
  const holders = services.map((_, label) => honest.filter((labels) => labels.includes(label)).length);
  const held = holders.map((count) => (count === 0 ? Number.POSITIVE_INFINITY : count));
  const killed = held.indexOf(Math.min(...held));
  const family = familyTraces(task, String(setting.byzantine));
  const seen = new Set((task.attacks.get(backdoorFamily) ?? []).map(({ label }) => label));
  const target = services.findIndex((_, label) => !seen.has(label));
  const known = services.flatMap((_, label) => task.train.filter((example) => example.label === label).slice(0, 10));
  return {
    shape,
    f: setting.byzantine,
    killed,
    target,
    family,
    known,
    loss: softmaxLoss(known, shape, services),
    behaviour,
    covered: new Set(scene.sample.map(({ label }) => label)),
  };
}

function declaredBy({ declares, services, shape, setting }: Scene, n: number, byzantine: number): DeclaredClasses {
  const { features } = shape;
  const rows = declares.slice(setting.byzantine - byzantine).slice(0, n);
  return {
    blocks: services.map((name, label) => ({ class: name, ranges: [{ offset: label * features, length: features }] })),
    declared: rows.map((labels) => labels.map((label) => services[label] as string)),
  };
}

/**
 * Training traces dealt to all clients. With `servicesEach`, each service is cut in equal pieces, as many in all as clients
 * hold services, and pieces are dealt at random: McMahan's label-skewed split.
 */
function clientData(task: ServiceTask, setting: Setting, random: SeededNumbers): Example[][] {
  const { clients: count, servicesEach } = setting;
  if (servicesEach === undefined) return dealt(shuffled(task.train, random), count);
  const sorted = task.services.flatMap((_, label) => task.train.filter((example) => example.label === label));
  const size = Math.floor(sorted.length / (count * servicesEach));
  const pieces = Array.from({ length: count * servicesEach }, (_, at) => sorted.slice(at * size, (at + 1) * size));
  const order = shuffled([...pieces.keys()], random);
  return Array.from({ length: count }, (_, client) =>
    order.slice(client * servicesEach, (client + 1) * servicesEach).flatMap((piece) => pieces[piece] as Example[]),
  );
}

function dealt(examples: readonly Example[], count: number): Example[][] {
  return Array.from({ length: count }, (_, client) => examples.filter((_, at) => at % count === client));
}
