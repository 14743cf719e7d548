import { type AttackName, attacks } from '../../aggregation/attacks/attacks.ts';
import { classKill, drift, medianNorm, sleeper, tailored, twoFaced } from '../../aggregation/attacks/knowing.ts';
import { flipLabels } from '../../aggregation/attacks/label-flip.ts';
import type { TrustedLoss } from '../../aggregation/trusted/trusted-loss.ts';
import type { Example } from '../../lab/data/service-task.ts';
import { addOuter, outputsInto, type Shape, softmaxInto } from './softmax.ts';

/** Attacks that need no knowledge of the rule. `silent`: the Byzantine clients send nothing, what all others are held against. */
export const knownAttacks = [
  'label flip',
  'sign flip',
  'sign flip ×4',
  'gaussian',
  'constant',
  'alie',
  'alie z=1.5',
  'ipm ε=0.1',
  'ipm ε=0.5',
  'ipm ε=100',
  'mimic',
  'fang against krum',
  'min-max',
  'min-sum',
  'scaled replacement',
  'duplicate pair',
] as const satisfies readonly (AttackName | 'label flip')[];

/** Those of them that have done most damage to some rule: for settings in which not all are tried. */
export const harshAttacks = [
  'label flip',
  'sign flip ×4',
  'gaussian',
  'alie z=1.5',
  'ipm ε=100',
  'min-max',
  'min-sum',
  'scaled replacement',
] as const satisfies readonly (typeof knownAttacks)[number][];

export const knowingAttacks = ['tailored', 'class kill', 'drift', 'sleeper', 'backdoor'] as const;

/** Of liars who know which classes the sample does not hold, and work honestly everywhere else. */
export const twoFacedAttacks = ['two-faced kill', 'two-faced swallow'] as const;

/** What the Byzantine clients do. `none`: they train like everybody. */
export type Behaviour =
  | 'none'
  | 'silent'
  | (typeof knownAttacks)[number]
  | (typeof knowingAttacks)[number]
  | (typeof twoFacedAttacks)[number];

/** `known`: what the attacker measures damage on, traces of every service. `killed`, `target`: classes by label. */
export type Attacker = Readonly<{
  behaviour: Behaviour;
  f: number;
  shape: Shape;
  killed: number;
  target: number;
  family: Readonly<{ train: readonly Example[]; test: readonly Example[] }>;
  known: readonly Example[];
  loss: TrustedLoss;
  /** Labels that the sample holds: an attacker knows them. */
  covered: ReadonlySet<number>;
}>;

export type HostileRound = Attacker &
  Readonly<{
    honest: readonly Float32Array[];
    own: readonly (readonly Example[])[];
    base: Float32Array;
    round: number;
    rounds: number;
    seed: string;
    train(examples: readonly Example[]): Float32Array;
    /** The model that the rule makes of these hostile updates and the honest ones. */
    modelOf(sent: readonly Float32Array[]): Promise<Float32Array>;
  }>;

/** What f Byzantine clients send this round; nothing at all where they are silent. */
export async function hostileRows(behaviour: Exclude<Behaviour, 'none'>, scene: HostileRound): Promise<Float32Array[]> {
  const { f, honest, seed, shape, base, round, rounds, own, train } = scene;
  switch (behaviour) {
    case 'silent':
      return [];
    case 'label flip':
      return own.map((examples) => train(mislabelled(examples, shape.classes)));
    case 'backdoor':
      return own.map((examples) =>
        train([...examples, ...repeated(scene.family.train, scene.target, examples.length)]),
      );
    case 'class kill':
      return classKill({ honest, f, seed }, ascent(base, shape, ofClass(scene.known, scene.killed)));
    case 'drift': {
      // Always the same way: where the model of the first round would lose most.
      return drift({ honest, f, seed }, ascent(new Float32Array(base.length), shape, scene.known));
    }
    case 'tailored':
      return tailoredRows(scene);
    case 'two-faced kill':
    case 'two-faced swallow':
      return twoFacedRows(scene, behaviour === 'two-faced kill');
    case 'sleeper':
      return sleeper(
        round,
        Math.ceil((2 / 3) * rounds),
        async () => own.map(train),
        () => tailoredRows(scene),
      );
    default:
      return await attacks[behaviour]({ honest, f, seed });
  }
}

/** Directions: up the loss of all classes, up that of each of the three that can least be spared, and away from everybody. */
function tailoredRows(scene: HostileRound): Promise<Float32Array[]> {
  const { honest, f, seed, shape, base, known, loss } = scene;
  const worst = [scene.killed, (scene.killed + 4) % shape.classes, (scene.killed + 8) % shape.classes];
  const directions = [ascent(base, shape, known), ...worst.map((label) => ascent(base, shape, ofClass(known, label)))];
  const damageOf = async (sent: readonly Float32Array[]) => {
    const losses = await loss.losses(await scene.modelOf(sent));
    return losses.reduce((sum, each) => sum + each, 0) / losses.length;
  };
  return tailored({ honest, f, seed, directions, damageOf });
}

/**
 * Every liar trains like everybody, but says of each class that it declares and that the sample does not hold either the opposite
 * of what it learnt (kill), or that all other such classes are this one (swallow); as long as its clipped block may be.
 */
function twoFacedRows(scene: HostileRound, kill: boolean): Float32Array[] {
  const { honest, shape, own, covered, known, train } = scene;
  const { features } = shape;
  const isBlind = (label: number) => !covered.has(label);
  return own.map((examples) => {
    const row = train(examples);
    const labels = [...new Set(examples.map(({ label }) => label))].filter(isBlind);
    const blind = labels.map((label) => {
      const block = row.subarray(label * features, (label + 1) * features);
      const others = known.filter((example) => example.label !== label && isBlind(example.label));
      return { offset: label * features, lie: kill ? block.map((value) => -value) : sumOfFeatures(others, features) };
    });
    return twoFaced(row, blind, 1.5 * medianNorm(honest));
  });
}

function sumOfFeatures(examples: readonly Example[], features: number): Float64Array {
  const sum = new Float64Array(features);
  for (const { indices, values } of examples) {
    indices.forEach((feature, k) => {
      sum[feature] = (sum[feature] as number) + (values[k] as number);
    });
  }
  return sum;
}

/** The gradient of the cross-entropy of the examples: where the model gets worse at them fastest. */
function ascent(base: Float32Array, shape: Shape, examples: readonly Example[]): Float64Array {
  const wide = new Float64Array(base);
  const gradient = new Float64Array(base.length);
  const errors = new Float64Array(shape.classes);
  for (const example of examples) {
    softmaxInto(errors, outputsInto(errors, wide, shape, example));
    errors[example.label] = (errors[example.label] as number) - 1;
    addOuter(gradient, shape.features, example, errors, 1);
  }
  return gradient;
}

function ofClass(examples: readonly Example[], label: number): Example[] {
  return examples.filter((example) => example.label === label);
}

function mislabelled(examples: readonly Example[], classes: number): Example[] {
  const labels = flipLabels(Uint8Array.from(examples, ({ label }) => label), classes); // biome-ignore format: one line
  return examples.map((example, at) => ({ ...example, label: labels[at] as number }));
}

/** The family's traces under the attacker's label, as many as there are others: half of every batch. */
function repeated(family: readonly Example[], label: number, count: number): Example[] {
  return Array.from({ length: count }, (_, at) => ({ ...(family[at % family.length] as Example), label }));
}
