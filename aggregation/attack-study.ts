import { seededNumbers } from '../base/random.ts';
import { type AggregationContext, aggregate } from './aggregate.ts';
import { disguised } from './attack-disguise.ts';
import { type AttackName, attacks } from './attacks/attacks.ts';
import { dot, meanOf, squaredDistance } from './attacks/honest.ts';
import { memoryBlocks, memorySink } from './blocks/blocks.ts';
import type { LinearAlgebra } from './linear-algebra.ts';
import { type AggregationPolicy, asksOf, checkPolicy } from './policy.ts';

/** A policy under test, by a name for people. */
export type Contender = Readonly<{ name: string; policy: AggregationPolicy }>;

export type StudyScene = Readonly<{
  /** n updates of shape [d] that are taken for honest, in the round's order. Left alone. */
  updates: readonly Float32Array[];
  /** The one in force. */
  inForce: Contender;
  /** Others to compare with, where there is time. */
  others: readonly Contender[];
  /** From 1 up to so many liars, and never half of the updates. */
  liarsMax: number;
  /** Decides which members lie. */
  seed: string;
  /** What the round is judged by beside its updates; `rows` go along with every set of updates, after them. */
  context: Omit<AggregationContext, 'seed'>;
  rows: readonly Float32Array[];
  /** Open until whoever made it closes it. */
  algebra: LinearAlgebra;
  /** Whether there is time for more. */
  goesOn: () => boolean;
  /**
   * What the model would be worth that an aggregate, shape [d], makes of the base: 0 to 1, NaN where that cannot be told. Asked of the
   * rule in force alone; absent where nothing can judge.
   */
  worth?: ((aggregate: Float32Array) => Promise<number>) | undefined;
}>;

/** What one attack by so many liars made of a round. */
export type StudyCell = Readonly<{
  rule: string;
  liars: number;
  attack: AttackName;
  /**
   * How far the aggregate lies from the mean of those who were honest, in units of how far the honest update does that is
   * farthest from it: up to 1 the attack bought nothing that an honest member could not have asked for. 0 when refused.
   */
  deviation: number;
  /** Between the aggregate and the honest mean: below 0 the model is led away from where the honest go. */
  cosine: number;
  /** Why the rule gave nothing: the round is lost, and the model stays as it was. */
  refused: string | null;
  /** What the model is worth then; undefined where nothing judged. */
  worth: number | undefined;
}>;

export type Study = Readonly<{
  updateCount: number;
  dimension: number;
  /** Without a liar: the rule's own distance from the mean, as `deviation`; undefined where it gave nothing. */
  undisturbed: ReadonlyMap<string, number | undefined>;
  cells: readonly StudyCell[];
  /** What the model is worth by the rule in force: with nobody hostile, and with the same 1, 2, … members silent. */
  worth: Readonly<{ undisturbed: number | undefined; silent: readonly (number | undefined)[] }>;
  /** Up to how many liars every attack was tried on a rule; absent where not even one. */
  triedThrough: ReadonlyMap<string, number>;
  /** False: time was over before all was tried; `cells` has what was. */
  complete: boolean;
}>;

/**
 * Runs every attack against a round's updates with 1, 2, … of its members as liars who know what all others sent, and what an
 * update must look like where that is known: each lie is made to pass as far as it can. The rule in
 * force comes first, then the others. The same for the same scene, up to where the time ended.
 */
export async function studyAttacks(scene: StudyScene): Promise<Study> {
  const { updates, inForce, others, liarsMax, goesOn } = scene;
  const order = permuted(updates.length, scene.seed);
  const most = Math.min(liarsMax, Math.ceil(updates.length / 2) - 1);
  const { base, shape, classes } = scene.context;
  const guise = base && shape && classes ? { base, shape, classes } : undefined;
  const undisturbed = new Map<string, number | undefined>();
  const cells: StudyCell[] = [];
  const triedThrough = new Map<string, number>();
  const silent: (number | undefined)[] = [];
  let ofUndisturbed: number | undefined;
  let complete = true;
  for (const contenders of [[inForce], runnable(others, scene)]) {
    for (const { name, policy } of contenders) {
      if (contenders[0]?.name !== inForce.name && !goesOn()) break;
      const clean = await outcomeOf(scene, policy, updates, updates);
      undisturbed.set(name, clean.refused === null ? clean.deviation : undefined);
      if (name === inForce.name) ofUndisturbed = clean.worth;
    }
    for (let liars = 1; contenders.length > 0 && liars <= most && complete; liars++) {
      const lying = order.slice(0, liars);
      const honest = updates.filter((_, row) => !lying.includes(row));
      if (contenders[0]?.name === inForce.name) silent.push(await worthOfSilence(scene, lying));
      for (const attack of Object.keys(attacks) as AttackName[]) {
        if (!goesOn()) {
          complete = false;
          break;
        }
        const sent = await crafted(attack, honest, liars, scene.seed);
        if (sent === undefined) continue;
        const all = updates.map((update, row) => {
          const lie = sent[lying.indexOf(row)];
          return lie === undefined ? update : guise === undefined ? lie : disguised(lie, row, guise);
        });
        for (const { name, policy } of contenders) {
          cells.push({ rule: name, liars, attack, ...(await outcomeOf(scene, policy, all, honest)) });
        }
      }
      if (complete) for (const { name } of contenders) triedThrough.set(name, liars);
    }
  }
  return {
    updateCount: updates.length,
    dimension: updates[0]?.length ?? 0,
    undisturbed,
    cells,
    worth: { undisturbed: ofUndisturbed, silent },
    triedThrough,
    complete,
  };
}

/** Undefined where the attack itself needs more honest updates than there are. */
async function crafted(attack: AttackName, honest: readonly Float32Array[], liars: number, seed: string) {
  try {
    return await attacks[attack]({ honest, f: liars, seed });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Those whose guarantee covers so many updates, and which ask for nothing that the round has not. */
function runnable(others: readonly Contender[], { updates, rows, context }: StudyScene): readonly Contender[] {
  return others.filter(({ policy }) => {
    const asks = asksOf(policy.rule);
    const has = (asks.sample !== 'needed' || context.trusted) && (asks.classes !== 'needed' || context.classes);
    return has && checkPolicy(policy, updates.length + rows.length).length === 0;
  });
}

/** What the model is worth where those members send nothing; f is as large as so few updates allow. */
async function worthOfSilence(scene: StudyScene, lying: readonly number[]): Promise<number | undefined> {
  const { updates, rows, inForce, context } = scene;
  if (scene.worth === undefined) return undefined;
  const speaks = (_: unknown, row: number) => !lying.includes(row);
  const left = updates.filter(speaks);
  const { classes } = context;
  const declared = classes && { classes: { ...classes, declared: classes.declared.filter(speaks) } };
  const quiet = { ...scene, updates: left, context: { ...context, ...declared } };
  for (let { f } = inForce.policy; f >= 0; f--) {
    const policy = { ...inForce.policy, f };
    if (checkPolicy(policy, left.length + rows.length).length > 0) continue;
    return (await outcomeOf(quiet, policy, left, left)).worth;
  }
  return undefined;
}

async function outcomeOf(
  { rows, context, algebra, seed, inForce, worth }: StudyScene,
  policy: AggregationPolicy,
  updates: readonly Float32Array[],
  honest: readonly Float32Array[],
): Promise<Pick<StudyCell, 'deviation' | 'cosine' | 'refused' | 'worth'>> {
  const blocks = memoryBlocks([...updates, ...rows]);
  const sink = memorySink(updates[0]?.length ?? 0);
  const outcome = blocks.ok
    ? await aggregate(policy, blocks.value, algebra, sink, { ...context, seed, measure: false })
    : blocks;
  const isInForce = policy.rule === inForce.policy.rule;
  const judged = async (values: Float32Array) => {
    const value = isInForce ? await worth?.(values) : undefined;
    return value === undefined || Number.isNaN(value) ? undefined : value;
  };
  // The model stays as it was.
  if (!outcome.ok) {
    const asItWas = await judged(new Float32Array(updates[0]?.length ?? 0));
    return { deviation: 0, cosine: 0, refused: outcome.fault.code, worth: asItWas };
  }
  const mean = meanOf(honest);
  const farthest = Math.sqrt(Math.max(...honest.map((update) => squaredDistance(update, mean))));
  const away = Math.sqrt(squaredDistance(sink.values, mean));
  const norms = Math.sqrt(dot(sink.values, sink.values) * dot(mean, mean));
  const deviation = farthest > 0 ? away / farthest : away > 0 ? Number.MAX_VALUE : 0;
  return {
    deviation,
    cosine: norms > 0 ? dot(sink.values, mean) / norms : 0,
    refused: null,
    worth: await judged(Float32Array.from(sink.values)),
  };
}

/** Attacks that go as far as an honest update does end up there but for float32. */
const rounding = 1e-6;

/**
 * What a study says in one number: with how many liars no attack led the aggregate farther than the honest lie apart. So many
 * liars of whom the time let only some attacks be tried are not withstood.
 */
export function withstood({ cells, triedThrough }: Pick<Study, 'cells' | 'triedThrough'>, rule: string): number {
  const beaten = cells
    .filter((cell) => cell.rule === rule && (cell.refused !== null || cell.deviation > 1 + rounding))
    .map(({ liars }) => liars);
  return Math.min(triedThrough.get(rule) ?? 0, ...beaten.map((liars) => liars - 1));
}

function permuted(count: number, seed: string): readonly number[] {
  const random = seededNumbers(`liars ${seed}`);
  const rows = Array.from({ length: count }, (_, row) => row);
  for (let at = count - 1; at > 0; at--) {
    const other = random.integer(at + 1);
    [rows[at], rows[other]] = [rows[other] as number, rows[at] as number];
  }
  return rows;
}

/** A study as it is told: how each rule stood, the one in force first, and every attack. */
export function toldStudy(study: Study, inForce: string) {
  const { updateCount, dimension, complete, cells, undisturbed, worth } = study;
  return {
    ...{ updateCount, complete, dimension: BigInt(dimension) },
    rules: [...undisturbed].map(([rule, deviation]) => ({
      ...{ rule, inForce: rule === inForce, withstood: withstood(study, rule) },
      ...(deviation === undefined ? {} : { undisturbed: deviation }),
      ...(rule === inForce && worth.undisturbed !== undefined ? { worth: worth.undisturbed } : {}),
      silent: rule === inForce ? silenceOf(worth.silent) : [],
    })),
    attacks: cells.map(({ worth: told, refused, ...cell }) => ({
      ...{ ...cell, refused: refused ?? '' },
      ...(told === undefined ? {} : { worth: told }),
    })),
  };
}

function silenceOf(worths: readonly (number | undefined)[]) {
  return worths.flatMap((worth, at) => (worth === undefined ? [] : [{ liars: at + 1, worth }]));
}
