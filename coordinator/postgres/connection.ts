import type { ConnectionOptions } from 'node:tls';
import { ok, type Result, refuse } from '../../base/fault.ts';
import type { Timers } from '../../base/time.ts';
import { within } from '../../base/waiting/within.ts';
import type { PostgresAddress } from './address.ts';
import { type Driver, pgDriver, type Row, type Session } from './driver.ts';

export type PostgresSettings = PostgresAddress &
  Readonly<{
    /** Asked for at every connection. */
    password: string;
    /** The schema that holds the tables. */
    schema: string;
    /** Absent: plain TCP. */
    tls?: ConnectionOptions | undefined;
    /** Refuse to write where no synchronous standby is named. */
    isReplicated: boolean;
    /** How long the outcome of a write may stay unknown, through restarts and fail-overs, before this process gives up. */
    outageMs: number;
    /** What a successor waits for after the last beat of this process. */
    leaseMs: number;
  }>;

export type Answer = Readonly<
  /** `isWeak`: it went with a warning, as a commit does whose wait for the standby was cut short. */
  | { kind: 'rows'; rows: readonly Row[]; isWeak: boolean }
  /** The connection ended before an answer: whether it was done is not known. `isTurnedAway`: none was had, since the server lets this user not in. */
  | { kind: 'lost'; cause: string; isTurnedAway?: boolean }
  /** The server's error. The statement was rolled back, unless the server was about to end: `settlesNothing`. */
  | { kind: 'refused'; sqlState: string; cause: string }
>;

export type Ask = (text: string, values?: readonly unknown[]) => Promise<Answer>;

export type ConnectFaultCode = 'DATABASE_UNREACHABLE' | 'DATABASE_REFUSED' | 'DATABASE_UNFIT';

const connectWithinMs = 5_000;
/** A way that has gone silent is left after this; a commit that waits for its standby is asked after anew. */
const answerWithinMs = 8_000;
const versionMin = 140_000;

/** Of the session: a default of the server, the database or the role must not weaken what a commit says. */
const settingsOfSession = `
  SET synchronous_commit = on;
  SET client_connection_check_interval = '1s';
  SET default_transaction_isolation = 'read committed';
  SET default_transaction_read_only = off;
  SET statement_timeout = 0;
  SET lock_timeout = 0;
  SET idle_in_transaction_session_timeout = '10s';
`;

const fitness = `
  SELECT pg_is_in_recovery() AS standby, current_setting('fsync') AS fsync,
    current_setting('full_page_writes') AS pages, current_setting('server_encoding') AS encoding,
    current_setting('server_version_num')::int AS version`;

/** One connection to the primary, with one statement under way at a time. */
export class PostgresConnection {
  readonly #session: Session;
  readonly #timers: Timers;
  #isWeak = false;
  #lost: string | undefined;

  private constructor(session: Session, timers: Timers) {
    this.#session = session;
    this.#timers = timers;
    // Texts of notices are in the server's language: any warning in a commit of ours is the one that matters.
    session.onNotice(({ severity }) => {
      if (severity === 'WARNING') this.#isWeak = true;
    });
    session.onEnd((cause) => this.#leave(cause));
  }

  /** The first of the servers that is a primary fit to hold a journal. A standby answers too, and is passed by. */
  static async open(
    settings: PostgresSettings,
    timers: Timers,
    driver: Driver = pgDriver,
  ): Promise<Result<PostgresConnection, ConnectFaultCode>> {
    const causes: string[] = [];
    let turnedAway: Result<never, 'DATABASE_REFUSED'> | undefined;
    let unfit: Result<never, 'DATABASE_UNFIT'> | undefined;
    for (const { host, port } of settings.hosts) {
      const opened = await PostgresConnection.#openAt(await driver({ ...settings, host, port }), timers);
      if ('cause' in opened) {
        causes.push(`${host}:${port}: ${opened.cause}`);
        if (opened.isTurnedAway) turnedAway ??= notLetIn(settings, `${host}:${port}`, opened.cause);
        continue;
      }
      const fault = await opened.#unfitness();
      if (fault === undefined) return ok(opened);
      await opened.close();
      causes.push(`${host}:${port}: ${fault.cause}`);
      if (fault.isLasting) unfit ??= refuse('DATABASE_UNFIT', `PostgreSQL at ${host}:${port}: ${fault.cause}`);
    }
    const remedy = 'Start it, or mend journal.postgres';
    return (
      unfit ??
      turnedAway ??
      refuse('DATABASE_UNREACHABLE', `no primary of PostgreSQL (${causes.join('; ')}). ${remedy}`)
    );
  }

  /** Why not, where it cannot be had. */
  static async #openAt(
    session: Session,
    timers: Timers,
  ): Promise<PostgresConnection | Readonly<{ cause: string; isTurnedAway: boolean }>> {
    const connection = new PostgresConnection(session, timers);
    try {
      const connected = await within(timers, connectWithinMs, session.connect());
      const set =
        connected === 'late' ? 'late' : await within(timers, connectWithinMs, session.query(settingsOfSession));
      if (set !== 'late') return connection;
      connection.#leave('no answer');
      return { cause: `no answer within ${connectWithinMs} ms`, isTurnedAway: false };
    } catch (error) {
      connection.#leave('refused');
      const { code = '', message } = error as { code?: string; message: string };
      return { cause: message, isTurnedAway: turnsAway.test(code) };
    }
  }

  get isLost(): boolean {
    return this.#lost !== undefined;
  }

  /** Resolves once the server is ready for the next statement: what this one wrote is committed by then. */
  async ask(text: string, values: readonly unknown[] = []): Promise<Answer> {
    if (this.#lost !== undefined) return { kind: 'lost', cause: this.#lost };
    this.#isWeak = false;
    try {
      const answer = await within(this.#timers, answerWithinMs, this.#session.query(text, values));
      if (answer !== 'late') return { kind: 'rows', rows: answer, isWeak: this.#isWeak };
      this.#leave(`no answer within ${answerWithinMs} ms`); // The driver would keep the statement in its queue.
      return { kind: 'lost', cause: `no answer within ${answerWithinMs} ms` };
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      if (code === undefined || !/^[0-9A-Z]{5}$/.test(code)) {
        this.#leave(message);
        return { kind: 'lost', cause: message };
      }
      return { kind: 'refused', sqlState: code, cause: message };
    }
  }

  async close(): Promise<void> {
    if (this.#lost === undefined) await within(this.#timers, 1_000, this.#session.end()).catch(() => {});
    this.#leave('closed');
  }

  async #unfitness(): Promise<{ cause: string; isLasting: boolean } | undefined> {
    const answer = await this.ask(fitness);
    const [row] = answer.kind === 'rows' ? answer.rows : [];
    if (row === undefined) return { cause: answer.kind === 'rows' ? 'no answer' : answer.cause, isLasting: false };
    if (row.standby === true) return { cause: 'it is a standby', isLasting: false };
    const lasting = (cause: string) => ({ cause, isLasting: true });
    if (Number(row.version) < versionMin) return lasting('it is older than PostgreSQL 14');
    if (row.fsync !== 'on') return lasting('fsync is off: a crash would lose what was acknowledged. Set fsync = on');
    if (row.pages !== 'on')
      return lasting('full_page_writes is off: a crash may tear pages. Set full_page_writes = on');
    if (row.encoding !== 'UTF8') return lasting('its encoding is not UTF8: make the database with ENCODING UTF8');
    return undefined;
  }

  #leave(cause: string): void {
    this.#lost ??= cause;
    this.#session.destroy();
  }
}

/** SQLSTATE: invalid authorization, wrong password, no such database, no right to connect to it. */
const turnsAway = /^(?:28|3D000$|42501$)/;

function notLetIn({ user, database }: PostgresSettings, at: string, cause: string) {
  const remedy = 'Mend user, password or database in journal.postgres, or the rights and pg_hba.conf of the server';
  return refuse('DATABASE_REFUSED', `PostgreSQL at ${at} does not let ${user} into ${database} (${cause}). ${remedy}`);
}

/** Whether the server may have done it all the same: it was ending, or its connection was, when it said so. */
export function settlesNothing(sqlState: string): boolean {
  return /^(?:08|57|58|25006)/.test(sqlState);
}
