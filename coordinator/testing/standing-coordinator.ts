import { type ProcessEnd, startRounds } from './kill-rounds.ts';
import { asStandby } from './rounds-on-database.ts';

/** What round-process.ts says of itself as a standby: it reads along, nobody leads any more, it leads, and what it found open is over. */
type Said = 'follows' | 'free' | 'leads' | 'idle';

/** A coordinator process that stands by until nobody leads, and opens its one round when it is told to. */
export class StandingCoordinator {
  readonly ended: Promise<ProcessEnd>;
  readonly pid: number;
  readonly openRound: () => void;
  readonly #wake: () => void;
  readonly #heard = new Map<Said, () => void>();
  readonly #saying = new Map<Said, Promise<void>>();

  constructor(folder: string, env: Readonly<Record<string, string>>, failpoint: string | undefined) {
    for (const said of ['follows', 'free', 'leads', 'idle'] as const) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#saying.set(said, promise);
      this.#heard.set(said, resolve);
    }
    const { child, ended } = startRounds(folder, 1, {
      ...(failpoint !== undefined && { failpoint }),
      env: { ...env, ...asStandby },
      heard: (line) => {
        for (const said of Object.keys(line)) this.#heard.get(said as Said)?.();
      },
    });
    this.ended = ended;
    this.pid = child.pid as number;
    this.openRound = () => child.stdin.write('\n');
    this.#wake = () => child.kill('SIGCONT');
  }

  /** True once it has said so; false where it ended before. */
  said(what: Said): Promise<boolean> {
    const over = this.ended.then(() => false);
    return Promise.race([(this.#saying.get(what) as Promise<void>).then(() => true), over]);
  }

  wake(): void {
    this.#wake();
  }

  /** The code with which its engine stopped, or else how the process ended. Waits for that. */
  async why(): Promise<string> {
    const { halted, killed, exitCode } = await this.ended;
    return halted ?? (killed ? 'SIGKILL' : `exit code ${exitCode}`);
  }
}
