import { appendFileSync, existsSync, readFileSync } from 'node:fs';

/** What a campaign has done so far, a line of JSON each, so that one that was ended goes on where it was. Without a path nothing is kept. */
export class KeptLines<Line> {
  readonly #path: string | undefined;
  readonly #all: Line[];

  constructor(path: string | undefined) {
    this.#path = path;
    const text = path !== undefined && existsSync(path) ? readFileSync(path, 'utf8') : '';
    // The last line of one that was killed may be half written.
    this.#all = text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Line);
  }

  get all(): readonly Line[] {
    return this.#all;
  }

  add(line: Line): void {
    this.#all.push(line);
    if (this.#path !== undefined) appendFileSync(this.#path, `${JSON.stringify(line)}\n`);
  }
}
