type Clock = {
  /** Largest (flow's time - arrival) lately, in two halves: delays only make it smaller, so it is nearest to the clock's offset. */
  newer: number;
  older: number;
  samples: number;
  skewMs: number;
};

const samplesMin = 8;
const samplesPerHalf = 64;
const nodesMax = 1_024;

/**
 * How far each node's clock is off the others', from when its flows arrive, and times put right by it. Nodes agree by
 * majority: the reference is the median offset, and with fewer than three nodes the one nearest to our own clock. Skews
 * within the tolerance are left alone.
 */
export class NodeClocks {
  readonly #toleranceMs: number;
  readonly #clocks = new Map<string, Clock>();
  /** Offset of the reference clock to ours. */
  #referenceMs = 0;

  constructor(toleranceMs: number) {
    this.#toleranceMs = toleranceMs;
  }

  /** The flow's time by the reference clock. arrivedMs: our epoch clock. */
  corrected(node: string, atMs: number, arrivedMs: number): number {
    const clock = this.#clockOf(node);
    clock.newer = Math.max(clock.newer, atMs - arrivedMs);
    clock.samples += 1;
    if (clock.samples % samplesMin === 0) clock.skewMs = this.#skewOf(clock);
    if (clock.samples % samplesPerHalf === 0) {
      clock.older = clock.newer;
      clock.newer = Number.NEGATIVE_INFINITY;
    }
    // Nothing happens after it arrived: a clock that has just been set must not move everybody's time ahead.
    return Math.min(atMs - clock.skewMs, arrivedMs + this.#referenceMs + this.#toleranceMs);
  }

  /** Nodes whose times are put right, and by how much. */
  skews(): { node: string; skewMs: number }[] {
    return [...this.#clocks].flatMap(([node, { skewMs }]) => (skewMs === 0 ? [] : [{ node, skewMs }]));
  }

  #clockOf(node: string): Clock {
    let clock = this.#clocks.get(node);
    if (clock === undefined) {
      if (this.#clocks.size >= nodesMax) this.#clocks.delete(this.#clocks.keys().next().value as string);
      clock = { newer: Number.NEGATIVE_INFINITY, older: Number.NEGATIVE_INFINITY, samples: 0, skewMs: 0 };
      this.#clocks.set(node, clock);
    }
    return clock;
  }

  #skewOf(clock: Clock): number {
    const offsets = [...this.#clocks.values()].filter(({ samples }) => samples >= samplesMin).map(offsetOf);
    offsets.sort(offsets.length < 3 ? (a, b) => Math.abs(a) - Math.abs(b) : (a, b) => a - b);
    this.#referenceMs = (offsets.length < 3 ? offsets[0] : offsets[offsets.length >> 1]) as number;
    const skewMs = Math.round(offsetOf(clock) - this.#referenceMs);
    return Math.abs(skewMs) > this.#toleranceMs ? skewMs : 0;
  }
}

function offsetOf({ newer, older }: Clock): number {
  return Math.max(newer, older);
}
