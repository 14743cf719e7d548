import { aggregate } from '../../aggregation/aggregate.ts';
import { type AttackName, attacks } from '../../aggregation/attacks/attacks.ts';
import { flipLabels } from '../../aggregation/attacks/label-flip.ts';
import { memorySink } from '../../aggregation/blocks/blocks.ts';
import type { AggregationEngine } from '../../aggregation/engine.ts';
import { blocksOf, granted } from '../../aggregation/engines/samples.ts';
import type { AggregationPolicy } from '../../aggregation/policy.ts';
import { type SeededNumbers, seededNumbers, shuffled } from '../../base/random.ts';
import { balancedAccuracy, type LocalTraining, type Shape, trainedDelta } from './softmax.ts';
import type { Example, ServiceTask } from './traces.ts';

/** What the Byzantine clients do. `label flip` trains honestly on wrong labels; `none`: they train like everybody. */
export type Behaviour = AttackName | 'label flip' | 'none';

/** `servicesEach`: how many services an honest client has traces of; all of them when absent: clients are alike. */
export type Setting = Readonly<{
  honest: number;
  byzantine: number;
  servicesEach: number | undefined;
  rounds: number;
  training: LocalTraining;
}>;

/** Balanced accuracy of the global model after the last round; the same for the same seed. */
export async function federate(
  task: ServiceTask,
  setting: Setting,
  policy: AggregationPolicy,
  behaviour: Behaviour,
  engine: AggregationEngine,
  seed: string,
): Promise<number> {
  const shape = { features: task.features, classes: task.services.length };
  const random = seededNumbers(`federation ${seed}`);
  const clients = clientData(task, setting, random);
  const d = shape.features * shape.classes;
  const weights = new Float32Array(d);
  let start: Float64Array = new Float64Array(d);
  for (let round = 0; round < setting.rounds; round++) {
    const scene = { setting, shape, weights, clients, seed: `${seed} ${round}`, random };
    // Byzantine rows first: where rows tie, the attacker wins, as in the worst case.
    const sent = await updatesOfRound(scene, behaviour);
    const sink = memorySink(d);
    granted(await aggregate(policy, blocksOf(sent), engine, sink, { seed: scene.seed, start, measure: false }));
    start = sink.values;
    for (let j = 0; j < d; j++) weights[j] = (weights[j] as number) + (sink.values[j] as number);
  }
  return balancedAccuracy(weights, shape, task.test);
}

type Scene = Readonly<{
  setting: Setting;
  shape: Shape;
  weights: Float32Array;
  clients: readonly (readonly Example[])[];
  seed: string;
  random: SeededNumbers;
}>;

async function updatesOfRound(scene: Scene, behaviour: Behaviour): Promise<Float32Array[]> {
  const { setting, shape, weights, clients, random } = scene;
  const train = (examples: readonly Example[]) => trainedDelta(weights, shape, examples, setting.training, random);
  const honest = clients.slice(setting.byzantine).map(train);
  const others = clients.slice(0, setting.byzantine);
  switch (behaviour) {
    case 'none':
      return [...others.map(train), ...honest];
    case 'label flip':
      return [...others.map((examples) => train(mislabelled(examples, shape.classes))), ...honest];
    default:
      return [...(await attacks[behaviour]({ honest, f: setting.byzantine, seed: scene.seed })), ...honest];
  }
}

function mislabelled(examples: readonly Example[], classes: number): Example[] {
  const labels = flipLabels(Uint8Array.from(examples, ({ label }) => label), classes); // biome-ignore format: one line
  return examples.map((example, at) => ({ ...example, label: labels[at] as number }));
}

/**
 * Training traces dealt to all clients. With `servicesEach`, each service is cut in equal pieces, as many in all as clients
 * hold services, and pieces are dealt at random: McMahan's label-skewed split.
 */
function clientData(task: ServiceTask, setting: Setting, random: SeededNumbers): Example[][] {
  const count = setting.honest + setting.byzantine;
  const { servicesEach } = setting;
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
