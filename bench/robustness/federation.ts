import { type AttackName, attacks } from '../../aggregation/attacks/attacks.ts';
import { flipLabels } from '../../aggregation/attacks/label-flip.ts';
import type { AggregationEngine } from '../../aggregation/engine.ts';
import type { AggregationPolicy } from '../../aggregation/policy.ts';
import { FaultError } from '../../base/fault.ts';
import { type SeededNumbers, seededNumbers, shuffled } from '../../base/random.ts';
import type { Example, ServiceTask } from '../../lab/data/service-task.ts';
import { federate, type Sending } from '../../lab/federation/federate.ts';
import { balancedAccuracy, type LocalTraining, type Shape, trainedDelta } from './softmax.ts';

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

/** Balanced accuracy of the global model after the last round; the same for the same seed. Throws when a round is refused. */
export async function federatedAccuracy(
  task: ServiceTask,
  setting: Setting,
  policy: AggregationPolicy,
  behaviour: Behaviour,
  engine: AggregationEngine,
  seed: string,
): Promise<number> {
  const shape = { features: task.features, classes: task.services.length };
  const random = seededNumbers(`federation ${seed}`);
  const scene: Scene = { setting, shape, clients: clientData(task, setting, random), seed, random };
  const { weights, refusals } = await federate({
    initial: new Float32Array(shape.features * shape.classes),
    rounds: setting.rounds,
    sending: sendingOf(scene, behaviour),
    policy,
    engine,
    seedOf: (round) => roundSeed(scene, round),
  });
  const [refusal] = refusals;
  if (refusal !== undefined) throw new FaultError(refusal);
  return balancedAccuracy(weights, shape, task.test);
}

type Scene = Readonly<{
  setting: Setting;
  shape: Shape;
  clients: readonly (readonly Example[])[];
  seed: string;
  /** One for all clients, who draw from it in turn: the honest first. */
  random: SeededNumbers;
}>;

function roundSeed({ seed }: Scene, round: number): string {
  return `${seed} ${round - 1}`;
}

/** Byzantine rows first: where rows tie, the attacker wins, as in the worst case. */
function sendingOf(scene: Scene, behaviour: Behaviour): Sending {
  const { setting, shape, clients, random } = scene;
  return async (base, round) => {
    const train = (examples: readonly Example[]) => trainedDelta(base, shape, examples, setting.training, random);
    const honest = clients.slice(setting.byzantine).map(train);
    const others = clients.slice(0, setting.byzantine);
    switch (behaviour) {
      case 'none':
        return [...others.map(train), ...honest];
      case 'label flip':
        return [...others.map((examples) => train(mislabelled(examples, shape.classes))), ...honest];
      default: {
        const made = await attacks[behaviour]({ honest, f: setting.byzantine, seed: roundSeed(scene, round) });
        return [...made, ...honest];
      }
    }
  };
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
