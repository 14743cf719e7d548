import { medianOf } from './median.ts';

/** One group's scores at one sensor: what its own latest scores say is usual, and what an alarm. */
export type Sketch = Readonly<{
  track: string;
  model: string;
  group: string;
  count: number;
  usual: number;
  level: number;
}>;

export type ClusterLevel = Readonly<{ track: string; model: string; group: string; usual: number; level: number }>;

export type LevelsOptions = Readonly<{
  /** Scores that all sensors together need before there is a level. */
  warmUp: number;
  /** Scores that a sensor needs to be heard at all. */
  sensorScoresMin: number;
  groupsMax: number;
  /** Of one sensor: as many as it sends at once. Who makes up more has its own forgotten, and nobody else's. */
  groupsOfSensorMax: number;
}>;

export const defaultLevelsOptions: LevelsOptions = {
  warmUp: 200,
  sensorScoresMin: 20,
  groupsMax: 4_096,
  groupsOfSensorMax: 512,
};

/** What is left of a message beside the contents that an answer asks for. */
const answerBytesMax = 1 << 20;

type Group = { readonly sketches: Map<string, Sketch>; told: ClusterLevel | undefined };

/**
 * What scores must pass in a cluster: of each group the median of what its sensors say. A median and not a pool of scores: as
 * long as fewer than half of the nodes that run a workload are in an attacker's hands, the level lies within what the honest ones say.
 */
export class Levels {
  readonly #options: LevelsOptions;
  /** Those that were heard last stand last. */
  readonly #groups = new Map<string, Group>();
  /** Of each sensor the groups that it speaks of, in that order. */
  readonly #bySensor = new Map<string, Set<string>>();
  #version = 0;

  constructor(options: LevelsOptions = defaultLevelsOptions) {
    this.#options = options;
  }

  /** Grows with every change. */
  get version(): number {
    return this.#version;
  }

  hear(sensor: string, sketch: Sketch): void {
    const { sensorScoresMin, groupsMax, groupsOfSensorMax } = this.#options;
    if (![sketch.usual, sketch.level].every(Number.isFinite) || sketch.level < sketch.usual) return;
    const key = JSON.stringify([sketch.track, sketch.model, sketch.group]);
    if (sketch.count < sensorScoresMin) {
      this.#forgetOf(sensor, key);
      return;
    }
    let group = this.#groups.get(key);
    if (group === undefined) {
      if (this.#groups.size >= groupsMax) this.#forgetOldest();
      group = { sketches: new Map(), told: undefined };
    }
    this.#groups.delete(key);
    this.#groups.set(key, group);
    group.sketches.set(sensor, sketch);
    const own = this.#bySensor.get(sensor) ?? new Set<string>();
    own.delete(key);
    this.#bySensor.set(sensor, own.add(key));
    this.#settle(group);
    const [oldest] = own;
    if (own.size > groupsOfSensorMax && oldest !== undefined) this.#forgetOf(sensor, oldest);
  }

  /** A sensor is gone: what it said counts no longer. */
  forget(sensor: string): void {
    for (const key of [...(this.#bySensor.get(sensor) ?? [])]) this.#forgetOf(sensor, key);
    this.#bySensor.delete(sensor);
  }

  /** As many as one answer holds, the groups that were heard last before the others. */
  all(): readonly ClusterLevel[] {
    const levels: ClusterLevel[] = [];
    let bytes = 0;
    for (const { told } of [...this.#groups.values()].reverse()) {
      if (told === undefined) continue;
      bytes += bytesOf(told);
      if (bytes > answerBytesMax) break;
      levels.push(told);
    }
    return levels.reverse();
  }

  #forgetOf(sensor: string, key: string): void {
    this.#bySensor.get(sensor)?.delete(key);
    const group = this.#groups.get(key);
    if (group?.sketches.delete(sensor) !== true) return;
    this.#settle(group);
    if (group.sketches.size === 0) this.#groups.delete(key);
  }

  /** Says what follows from what its sensors say now. */
  #settle(group: Group): void {
    const next = this.#levelOf(group);
    if (next?.level === group.told?.level && next?.usual === group.told?.usual) return;
    group.told = next;
    this.#version += 1;
  }

  #levelOf({ sketches }: Group): ClusterLevel | undefined {
    const heard = [...sketches.values()];
    const [first] = heard;
    if (first === undefined || heard.reduce((sum, { count }) => sum + count, 0) < this.#options.warmUp)
      return undefined;
    const { track, model, group } = first;
    const usual = medianOf(heard.map((one) => one.usual));
    return { track, model, group, usual, level: medianOf(heard.map((one) => one.level)) };
  }

  #forgetOldest(): void {
    const [oldest] = this.#groups.entries();
    if (oldest === undefined) return;
    const [key, { sketches }] = oldest;
    this.#groups.delete(key);
    for (const sensor of sketches.keys()) this.#bySensor.get(sensor)?.delete(key);
  }
}

/** Encoded, at most. */
function bytesOf({ track, model, group }: ClusterLevel): number {
  return Buffer.byteLength(track) + Buffer.byteLength(model) + Buffer.byteLength(group) + 32;
}
