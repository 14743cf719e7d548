import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import type { History } from './history.ts';
import type { Takeovers } from './takeovers.ts';

/** What one stretch of a campaign came to: all its faults were held to what must be true at its end. */
export type Stretch = Readonly<
  { seconds: number; commit: string } & (
    | { part: 'history'; seed: number; tally: History }
    | { part: 'takeovers'; tally: Takeovers }
  )
>;

/** Stretches of a campaign, a line each, so that one that was ended goes on where it was. Without a path nothing is kept. */
export class KeptStretches {
  readonly #path: string | undefined;
  readonly #all: Stretch[];

  constructor(path: string | undefined) {
    this.#path = path;
    const text = path !== undefined && existsSync(path) ? readFileSync(path, 'utf8') : '';
    // The last line of one that was killed may be half written.
    this.#all = text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Stretch);
  }

  get all(): readonly Stretch[] {
    return this.#all;
  }

  add(stretch: Stretch): void {
    this.#all.push(stretch);
    if (this.#path !== undefined) appendFileSync(this.#path, `${JSON.stringify(stretch)}\n`);
  }
}
