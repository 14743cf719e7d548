import type { Driver, Row, Session } from '../../../../coordinator/postgres/driver.ts';
import type { Draws } from '../../world/draws.ts';
import type { SimulatedProcess } from '../../world/process.ts';
import { comesNow, type DueWrite } from '../due-write.ts';
import type { Database, Peer } from './database.ts';
import { isWrite, writesLines } from './statements.ts';

/** The way between one coordinator and its database. */
export class DatabaseLine {
  readonly name: string;
  /** Cut: nobody gets through. Deaf: requests arrive, answers do not. Held: requests arrive when that is over, whoever sent them. */
  mood: 'well' | 'cut' | 'deaf' | 'held' = 'well';
  /** Writes until one whose answer is lost with its connection. */
  loses: DueWrite | undefined;
  /** Writes until one at which the process that sends it dies: before it arrives, or after. */
  kills: DueWrite | undefined;
  /** Happens once, when the next lines are on their way. */
  atLines: (() => void) | undefined;
  readonly #held: (() => void)[] = [];
  readonly #sessions = new Set<Peer>();

  constructor(name: string) {
    this.name = name;
  }

  add(peer: Peer): () => void {
    this.#sessions.add(peer);
    return () => void this.#sessions.delete(peer);
  }

  cut(): void {
    this.mood = 'cut';
    for (const session of [...this.#sessions]) session.break();
  }

  hold(arrive: () => void): void {
    this.#held.push(arrive);
  }

  heal(): void {
    this.mood = 'well';
    for (const arrive of this.#held.splice(0)) arrive();
  }
}

/** Sessions of one process. */
export function driverOver(database: Database, line: DatabaseLine, process: SimulatedProcess, draws: Draws): Driver {
  return async () => new SimulatedSession(database, line, process, draws);
}

class SimulatedSession implements Session, Peer {
  readonly #database: Database;
  readonly #line: DatabaseLine;
  readonly #process: SimulatedProcess;
  readonly #draws: Draws;
  #hearNotice: (notice: { severity: string }) => void = () => {};
  #hearEnd: (cause: string) => void = () => {};
  #failing: ((error: Error) => void) | undefined;
  #isOpen = false;
  #serverLife = -1;
  #isDestroyed = false;
  #unlist: () => void = () => {};

  constructor(database: Database, line: DatabaseLine, process: SimulatedProcess, draws: Draws) {
    this.#database = database;
    this.#line = line;
    this.#process = process;
    this.#draws = draws;
  }

  get isGone(): boolean {
    return this.#isDestroyed || !this.#process.isAlive;
  }

  connect(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#process.deliver(this.#latencyMs() + this.#latencyMs(), () => {
      if (this.#line.mood === 'cut' || !this.#database.isUp) {
        reject(new Error('ECONNREFUSED'));
        return;
      }
      if (this.#line.mood !== 'well') return; // Nobody answers.
      this.#isOpen = true;
      this.#serverLife = this.#database.life;
      this.#database.peers.add(this);
      const off = this.#line.add(this);
      this.#unlist = () => {
        off();
        this.#database.peers.delete(this);
      };
      resolve();
    });
    return promise;
  }

  query(text: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    const { promise, resolve, reject } = Promise.withResolvers<readonly Row[]>();
    if (!this.#isOpen) return Promise.reject(new Error('the connection has ended'));
    this.#failing = reject;
    const isCounted = isWrite(text);
    if (writesLines(text)) {
      const { atLines } = this.#line;
      this.#line.atLines = undefined;
      atLines?.();
    }
    const losesThis = isCounted && this.#comesNow('loses');
    if (isCounted && this.#comesNow('kills')) {
      this.#process.world.after(this.#draws.between('database kill', 0, 15), () => this.#process.kill());
    }
    const answer = (hear: () => void) => {
      if (losesThis) {
        this.break();
        return;
      }
      if (this.#line.mood === 'deaf' || !this.#isOpen) return;
      this.#process.deliver(this.#latencyMs(), () => {
        if (this.isGone || !this.#isOpen) return;
        this.#failing = undefined;
        hear();
      });
    };
    // On its way whatever becomes of its sender; to a server that has ended since it never comes.
    const arrive = () => {
      if (this.#line.mood === 'held') {
        this.#line.hold(arrive);
        return;
      }
      if (this.#database.life !== this.#serverLife || (!this.#isOpen && !this.#isDestroyed)) return;
      void this.#database.execute(text, values, this).then((reply) =>
        answer(() => {
          if ('sqlState' in reply) {
            reject(Object.assign(new Error(`refused: ${reply.sqlState}`), { code: reply.sqlState }));
            return;
          }
          if (reply.isWeak) this.#hearNotice({ severity: 'WARNING' });
          resolve(reply.rows);
        }),
      );
    };
    this.#process.world.after(this.#latencyMs(), arrive);
    return promise;
  }

  onNotice(hear: (notice: { severity: string }) => void): void {
    this.#hearNotice = hear;
  }

  onEnd(hear: (cause: string) => void): void {
    this.#hearEnd = hear;
  }

  async end(): Promise<void> {
    this.destroy();
  }

  destroy(): void {
    this.#isDestroyed = true;
    this.#isOpen = false;
    this.#unlist();
  }

  break(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#unlist();
    this.#process.deliver(this.#latencyMs(), () => {
      this.#hearEnd('the connection was reset');
      this.#failing?.(new Error('the connection was reset'));
      this.#failing = undefined;
    });
  }

  #latencyMs(): number {
    return this.#draws.between(`line ${this.#line.name}`, 1, 4);
  }

  #comesNow(what: 'loses' | 'kills'): boolean {
    const isNow = comesNow(this.#line[what]);
    if (isNow) this.#line[what] = undefined;
    return isNow;
  }
}
