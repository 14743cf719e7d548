import { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';

export type Row = Readonly<Record<string, unknown>>;

/** One session with one server, as a driver gives it. Queries are answered in order; one of ours is under way at a time. */
export interface Session {
  connect(): Promise<void>;
  /** The rows of the text's last statement. Rejects with the server's error, whose `code` is its SQLSTATE, or with the connection's. */
  query(text: string, values?: readonly unknown[]): Promise<readonly Row[]>;
  onNotice(hear: (notice: Readonly<{ severity?: string | undefined }>) => void): void;
  /** Of a connection that fails or ends, and why. */
  onEnd(hear: (cause: string) => void): void;
  end(): Promise<void>;
  /** Ends the connection at once, whatever is under way. May be called twice. */
  destroy(): void;
}

export type Login = Readonly<{
  host: string;
  port: number;
  database: string;
  user: string;
  password: string;
  tls?: ConnectionOptions | undefined;
}>;

/** Makes a session that is not connected yet. */
export type Driver = (login: Login) => Promise<Session>;

/** Over TCP, by the package pg, which is loaded only where it is used. */
export const pgDriver: Driver = async ({ host, port, database, user, password, tls }) => {
  const { default: pg } = await import('pg');
  const socket = new Socket();
  const client = new pg.Client({
    host,
    port,
    database,
    user,
    password: () => password, // Never what ~/.pgpass or the environment says.
    ssl: tls ?? false,
    keepAlive: true,
    application_name: 'testudo coordinator',
    stream: () => socket,
  });
  return {
    async connect() {
      await client.connect();
    },
    async query(text, values = []) {
      // Without values a text may hold several statements: the package gives a list of results then.
      const answer = await client.query<Row>(text, [...values]);
      return [answer].flat().at(-1)?.rows ?? [];
    },
    onNotice: (hear) => void client.on('notice', hear),
    onEnd(hear) {
      client.on('error', ({ message }) => hear(message));
      client.on('end', () => hear('the connection has ended'));
    },
    end: () => client.end(),
    destroy: () => void socket.destroy(),
  };
};
