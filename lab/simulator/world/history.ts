import { createHash, type Hash } from 'node:crypto';
import type { EpochMs } from '../../../base/time.ts';
import { dawnMs, type World } from './world.ts';

/** What happened, in order. Its digest is the whole run: two runs of one seed have the same. */
export class History {
  readonly #world: World;
  readonly #hash: Hash = createHash('sha256');
  readonly #lines: string[] = [];
  readonly #keepsLines: boolean;
  count = 0;

  constructor(world: World, keepsLines: boolean) {
    this.#world = world;
    this.#keepsLines = keepsLines;
  }

  note(who: string, what: string): void {
    this.count += 1;
    const line = `${clockText(this.#world.nowMs)} ${who}: ${what}`;
    this.#hash.update(line).update('\n');
    if (this.#keepsLines) this.#lines.push(line);
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  /** May be asked once. */
  digest(): string {
    return this.#hash.digest('hex');
  }
}

function clockText(nowMs: EpochMs): string {
  const sinceMs = Math.floor(nowMs - dawnMs);
  const day = Math.floor(sinceMs / 86_400_000);
  const of = (unit: number, count: number) => String(Math.floor(sinceMs / unit) % count).padStart(2, '0');
  return `${day}d${of(3_600_000, 24)}:${of(60_000, 60)}:${of(1_000, 60)}.${String(sinceMs % 1_000).padStart(3, '0')}`;
}
