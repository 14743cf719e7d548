import type { ApiExample } from '../example.ts';
import { combine } from '../facts/hash.ts';

/** What an actor did counts half after so many seconds. */
const halfLifeS = 300;
const actorsMax = 20_000;

type Trail = { atS: number; weight: number; sum: number };

/** How unusual what an actor (a subject at a source, or a source) has done lately is on average; the least lately seen are forgotten. */
export class Trails {
  readonly #trails = new Map<number, Trail>();

  /** Adds a chain's score; the mean over what its actor did lately, with this. */
  add({ subject, source, atS }: ApiExample, score: number): number {
    if (subject === 0 && source === 0) return score;
    const actor = combine(subject, source);
    const before = this.#trails.get(actor);
    const faded = before === undefined ? 0 : 0.5 ** (Math.max(0, atS - before.atS) / halfLifeS);
    const trail = { atS, weight: 1 + (before?.weight ?? 0) * faded, sum: score + (before?.sum ?? 0) * faded };
    this.#trails.delete(actor);
    this.#trails.set(actor, trail);
    if (this.#trails.size > actorsMax) this.#trails.delete(this.#trails.keys().next().value as number);
    return trail.sum / trail.weight;
  }
}
