import { pause } from '../../base/pause.ts';
import type { Timers } from '../../base/time.ts';
import { type Answer, type Ask, PostgresConnection, type PostgresSettings, settlesNothing } from './connection.ts';
import { type Driver, pgDriver } from './driver.ts';
import { endSilentSessions } from './silent-sessions.ts';

const retryEveryMs = 200;

/** Who writes: every write names both. The epoch orders writers; the holder tells two of one epoch apart, after a rollback. */
export type Writer = Readonly<{ epoch: number; holder: string }>;

/**
 * The one connection of a coordinator to its database, made anew when it is lost. Whoever writes does so in turns; whoever
 * loses an answer finds out in his own turn what became of his statement.
 */
export class PostgresLink {
  readonly settings: PostgresSettings;
  /** Who this coordinator is at the fence, once it is the journal's writer. */
  writer: Writer | undefined;
  readonly #timers: Timers;
  readonly #driver: Driver;
  readonly #closing = new AbortController();
  #connection: PostgresConnection | undefined;
  #turns: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(settings: PostgresSettings, timers: Timers, driver: Driver = pgDriver) {
    this.settings = settings;
    this.#timers = timers;
    this.#driver = driver;
  }

  get timers(): Timers {
    return this.#timers;
  }

  /** Nobody has a turn, or waits for one. */
  get isIdle(): boolean {
    return this.#waiting === 0;
  }

  /** Calls `act` when all who came before have had their turns. */
  alone<Value>(act: (ask: Ask) => Promise<Value>): Promise<Value> {
    this.#waiting++;
    const turn = this.#turns.then(() => act((text, values) => this.#ask(text, values)));
    this.#turns = turn.then(
      () => this.#waiting--,
      () => this.#waiting--,
    );
    return turn;
  }

  /**
   * As `alone`, over one connection from the first question to the last: what is asked once it is lost is lost, too. Over a
   * new one the rest of a transaction would be kept, and its beginning not.
   */
  aloneOverOne<Value>(act: (ask: Ask) => Promise<Value>): Promise<Value> {
    return this.alone(async (ask) => {
      const first = await this.repeatWith(ask, 'SELECT 1');
      const connection = this.#connection;
      if (connection === undefined || first.kind === 'lost') return act(async () => first);
      return act((text, values) => connection.ask(text, values));
    });
  }

  /** For what does no harm when it is done twice: asks again, over new connections, until there is an answer. */
  repeat(text: string, values: readonly unknown[] = []): Promise<Answer> {
    return this.alone((ask) => this.repeatWith(ask, text, values));
  }

  /** As `repeat`, within a turn. Gives the last answer once `outageMs` are over. */
  async repeatWith(ask: Ask, text: string, values: readonly unknown[] = []): Promise<Answer> {
    const lapses = this.patience();
    for (;;) {
      const answer = await ask(text, values);
      const isFinal = answer.kind === 'rows' || (answer.kind === 'refused' && !settlesNothing(answer.sqlState));
      if (isFinal || !(await lapses())) return answer;
    }
  }

  /**
   * Each call waits a moment; false once `outageMs` have gone by since this was made, and when the link is closed. One question more is
   * asked then: this process may have stood still all that time, and who leads by now it has not asked.
   */
  patience(): () => Promise<boolean> {
    const endsMs = this.#timers.monotonicMs() + this.settings.outageMs;
    let isLast = false;
    return async () => {
      await pause(this.#timers, retryEveryMs, this.#closing.signal);
      if (this.#closing.signal.aborted || isLast) return false;
      isLast = this.#timers.monotonicMs() >= endsMs;
      return true;
    };
  }

  /** Gives up whatever is still being tried. May be called twice. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#turns;
    await this.#connection?.close();
  }

  async #ask(text: string, values: readonly unknown[] = []): Promise<Answer> {
    if (this.#connection === undefined || this.#connection.isLost) {
      if (this.#closing.signal.aborted) return { kind: 'lost', cause: 'this coordinator lets go of its database' };
      const opened = await PostgresConnection.open(this.settings, this.#timers, this.#driver);
      if (!opened.ok) {
        const { code, message } = opened.fault;
        return { kind: 'lost', cause: message, isTurnedAway: code === 'DATABASE_REFUSED' };
      }
      // The server may not know yet that the one before is lost, and wait for the rest of its statement.
      if (this.#connection !== undefined) await opened.value.ask(endSilentSessions(this.settings.schema));
      this.#connection = opened.value;
    }
    const answer = await this.#connection.ask(text, values);
    // A standby by now, or a server that ends: the next question looks for the primary.
    if (answer.kind === 'refused' && settlesNothing(answer.sqlState)) await this.#connection.close();
    return answer;
  }
}
