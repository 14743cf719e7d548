import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { PostgresSettings } from '../../coordinator/postgres/connection.ts';

const program = fileURLToPath(new URL('../../coordinator/testing/append-to-database.ts', import.meta.url));

/** Everything that was ever acknowledged: the chain by position. */
export type Acknowledged = Map<number, string>;

/** A process that appends to the journal as fast as that acknowledges. */
export class WriterProcess {
  /** The code with which it ended by itself, as it said. */
  ended: string | undefined;
  /** Entries of its own that it heard of. */
  count = 0;
  readonly pid: number;
  readonly #exit: Promise<unknown>;
  readonly #kill: (signal: NodeJS.Signals) => void;
  #wake: () => void = () => {};
  #isOver = false;

  constructor(settings: PostgresSettings, acknowledged: Acknowledged, broken: string[]) {
    const child = spawn(process.execPath, [program, JSON.stringify(settings)], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, TESTUDO_TEST_CHILD: '1' },
    });
    this.pid = child.pid as number;
    this.#kill = (signal) => child.kill(signal);
    this.#exit = once(child, 'close').then(() => {
      this.#isOver = true;
      this.#wake();
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (!line.endsWith('}')) return; // A kill may cut the last line.
      const said = JSON.parse(line) as { seq?: number; chain: string; ended?: string };
      if (said.ended !== undefined) this.ended = said.ended;
      if (said.seq !== undefined) {
        if (acknowledged.has(said.seq)) broken.push(`entry ${said.seq} was acknowledged twice`);
        acknowledged.set(said.seq, said.chain);
        this.count++;
      }
      this.#wake();
    });
  }

  /** Resolves with true at the next entry that is acknowledged from now on, with false when the process is over. */
  async next(): Promise<boolean> {
    const before = this.count;
    while (this.count === before && !this.#isOver) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.count > before;
  }

  signal(signal: NodeJS.Signals): void {
    this.#kill(signal);
  }

  async over(): Promise<void> {
    await this.#exit;
  }
}
