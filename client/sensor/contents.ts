import { createHash } from 'node:crypto';
import type { SensorExample } from '../../proto/generated/testudo/v1/sensors.ts';

/** Contents that are remembered: one that is forgotten is told whole again. */
const contentsMax = 32_768;

type Known = {
  readonly track: string;
  readonly content: Buffer;
  /** Encoded; undefined once it was handed on. */
  example: Uint8Array | undefined;
  /** Since it was told last. */
  count: number;
};

/** Normal examples by content: each is handed on once, and after that only how often it came. */
export class Contents {
  readonly #known = new Map<string, Known>();
  /** Contents that are new, in the order in which they came. */
  #fresh: Known[] = [];
  #freshBytes = 0;
  readonly #max: number;

  constructor(max = contentsMax) {
    this.#max = max;
  }

  /** New contents that wait to be taken. */
  get fresh(): Readonly<{ bytes: number; count: number }> {
    return { bytes: this.#freshBytes, count: this.#fresh.length };
  }

  /** Counts an encoded example; true where its content is new here. */
  note(track: string, encoded: Uint8Array): boolean {
    const content = createHash('sha256').update(encoded).digest().subarray(0, 16);
    const key = `${track}/${content.toString('latin1')}`;
    const known = this.#known.get(key);
    if (known !== undefined) {
      known.count += 1;
      return false;
    }
    const fresh: Known = { track, content: Buffer.from(content), example: encoded, count: 1 };
    this.#known.set(key, fresh);
    this.#fresh.push(fresh);
    this.#freshBytes += encoded.length;
    // The oldest: what came long ago and still comes is told whole once more, and is known to the hub all the same.
    if (this.#known.size > this.#max) this.#known.delete(this.#known.keys().next().value as string);
    return true;
  }

  /** New contents, whole, at most so many and so many bytes of them. */
  takeFresh(bytesMax: number, countMax = Number.POSITIVE_INFINITY): readonly SensorExample[] {
    const taken: SensorExample[] = [];
    let bytes = 0;
    while (taken.length < Math.min(this.#fresh.length, countMax)) {
      const next = this.#fresh[taken.length] as Known;
      const example = next.example ?? new Uint8Array(0);
      if (taken.length > 0 && bytes + example.length > bytesMax) break;
      bytes += example.length;
      taken.push({
        track: next.track,
        content: next.content,
        example: Buffer.from(example),
        count: BigInt(next.count),
      });
      next.example = undefined;
      next.count = 0;
    }
    this.#fresh = this.#fresh.slice(taken.length);
    this.#freshBytes -= bytes;
    return taken;
  }

  /** How often contents that were handed on before came since. */
  takeCounts(): readonly SensorExample[] {
    const taken: SensorExample[] = [];
    for (const known of this.#known.values()) {
      if (known.count === 0 || known.example !== undefined) continue;
      taken.push({ track: known.track, content: known.content, example: nothing, count: BigInt(known.count) });
      known.count = 0;
    }
    return taken;
  }

  /** The hub does not know these: they are told whole when they next come. */
  forget(contents: readonly Uint8Array[]): void {
    const wanted = new Set(contents.map((content) => Buffer.from(content).toString('latin1')));
    for (const [key, { content }] of this.#known) if (wanted.has(content.toString('latin1'))) this.#known.delete(key);
  }
}

const nothing = Buffer.alloc(0);
