const bytesMax = 16 << 20;
/** What one takes beside its example: key, entry, an array of its own. Many examples have some twenty bytes. */
const besideBytes = 512;

/**
 * Encoded examples by content: sensors send each once, and later only how often it came. Bounded by bytes; what was asked
 * for longest ago goes first, and is asked for again when it next comes.
 */
export class ContentsKnown {
  readonly #examples = new Map<string, Uint8Array>();
  #bytes = 0;

  get(track: string, content: Uint8Array): Uint8Array | undefined {
    const key = keyOf(track, content);
    const found = this.#examples.get(key);
    if (found === undefined) return undefined;
    this.#examples.delete(key);
    this.#examples.set(key, found);
    return found;
  }

  put(track: string, content: Uint8Array, example: Uint8Array): void {
    const key = keyOf(track, content);
    if (this.#examples.has(key)) return;
    // Copied: what came lies in a buffer of the whole message.
    this.#examples.set(key, Uint8Array.from(example));
    this.#bytes += example.length + besideBytes;
    for (const [oldest, { length }] of this.#examples) {
      if (this.#bytes <= bytesMax) return;
      this.#examples.delete(oldest);
      this.#bytes -= length + besideBytes;
    }
  }
}

function keyOf(track: string, content: Uint8Array): string {
  return `${track}/${Buffer.from(content).toString('hex')}`;
}
