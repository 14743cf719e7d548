/** What was computed of distinct windows, exactly, up to a limit: the oldest is forgotten first. */
export class WindowMemory {
  readonly windowsMax: number;
  /** Oldest first. */
  readonly #known = new Map<string, Float32Array>();

  /** Some 200 bytes a window; 0 remembers nothing. */
  constructor(windowsMax: number) {
    this.windowsMax = windowsMax;
  }

  get(key: string): Float32Array | undefined {
    return this.#known.get(key);
  }

  set(key: string, values: Float32Array): void {
    if (this.windowsMax === 0) return;
    if (this.#known.size >= this.windowsMax) {
      const oldest = this.#known.keys().next();
      if (!oldest.done) this.#known.delete(oldest.value);
    }
    this.#known.set(key, values);
  }

  clear(): void {
    this.#known.clear();
  }
}
