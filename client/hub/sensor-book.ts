import type { SensorStatus } from '../../proto/generated/testudo/v1/sensors.ts';

/** What a sensor runs of a track, as it said last. */
export type SensorRelease = Readonly<{ version: number; outcome: string; faultCode: string }>;

export type KnownSensor = {
  readonly node: string;
  heardMs: number;
  status: SensorStatus | undefined;
  readonly releases: Map<string, SensorRelease>;
  /** Names of batches that were taken in, oldest first. */
  readonly batches: Set<string>;
};

/** Batches of one sensor that are remembered: a sensor sends one at a time, and the same again until it is answered. */
const batchesMax = 256;

/** The sensors that were heard since the hub started. Bounded: whoever was silent longest is forgotten first. */
export class SensorBook {
  readonly #sensors = new Map<string, KnownSensor>();
  readonly #max: number;
  readonly #onForgotten: (node: string) => void;

  constructor(max: number, onForgotten: (node: string) => void = () => undefined) {
    this.#max = max;
    this.#onForgotten = onForgotten;
  }

  /** The sensor of this node, heard of now. */
  heard(node: string, nowMs: number): KnownSensor {
    const known = this.#sensors.get(node) ?? {
      node,
      heardMs: nowMs,
      status: undefined,
      releases: new Map(),
      batches: new Set<string>(),
    };
    known.heardMs = nowMs;
    this.#sensors.delete(node);
    this.#sensors.set(node, known);
    if (this.#sensors.size > this.#max) this.#forget(this.#sensors.keys().next().value as string);
    return known;
  }

  /** Forgets who has been silent since then. */
  forgetSilent(sinceMs: number): void {
    for (const { node, heardMs } of this.#sensors.values()) if (heardMs < sinceMs) this.#forget(node);
  }

  all(): readonly KnownSensor[] {
    return [...this.#sensors.values()];
  }

  #forget(node: string): void {
    this.#sensors.delete(node);
    this.#onForgotten(node);
  }
}

/** False where this batch was taken in before. */
export function isNewBatch({ batches }: KnownSensor, batch: string): boolean {
  return !batches.has(batch);
}

export function tookIn({ batches }: KnownSensor, batch: string): void {
  batches.add(batch);
  const [oldest] = batches;
  if (batches.size > batchesMax && oldest !== undefined) batches.delete(oldest);
}
