import { Writable } from 'node:stream';
import { type Log, type LogLevel, makeLog } from '../log.ts';

/** A line of a log, read back. */
export type HeardLine = Readonly<{ msg: string } & Record<string, unknown>>;

/** What parts under test log. Who waits for a line is woken by lines, and asks no clock. */
export class HeardLog<Line extends Readonly<{ msg: string }> = HeardLine> {
  /** All of them, in the order in which they came; a test may forget them by `length = 0`. */
  readonly lines: Line[] = [];
  #next = Promise.withResolvers<void>();

  /** A log whose lines come here, `fields` in each. */
  log({ level = 'info', fields = {} }: { level?: LogLevel; fields?: Readonly<Record<string, string>> } = {}): Log {
    const to = new Writable({
      write: (line, _, done) => {
        this.lines.push(JSON.parse(String(line)) as Line);
        this.#next.resolve();
        this.#next = Promise.withResolvers();
        done();
      },
    });
    return makeLog(level, { to, fields });
  }

  /** The lines that say so. */
  saying(msg: string): Line[] {
    return this.lines.filter((line) => line.msg === msg);
  }

  /** What `look` finds, looked for at every line. */
  async until<Value>(look: () => Value | undefined): Promise<Value> {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      await this.#next.promise;
    }
  }

  /** The first line that says so, and of which `where` holds; waits for it. */
  async said(msg: string, where: (line: Line) => boolean = () => true): Promise<Line> {
    return await this.until(() => this.lines.find((line) => line.msg === msg && where(line)));
  }
}
