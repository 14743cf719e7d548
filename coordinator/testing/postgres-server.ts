import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import pg from 'pg';
import { lastingPorts } from '../../base/testing/lasting-ports.ts';
import { postgresFolder } from '../../base/testing/postgres-folder.mjs';
import type { PostgresSettings } from '../postgres/connection.ts';

const run = promisify(execFile);
const user = 'testudo';
const password = 'a password for tests alone';
/** PostgreSQL refuses to run as root; as anybody else it runs as who asks. */
const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

function postgresPrograms(): string {
  const folder = postgresFolder();
  if (folder === undefined)
    throw new Error('PostgreSQL is not there; install it (Debian: apt-get install postgresql-15)');
  return folder;
}

/** Small and quick to start, and as careful with the disk as the journal demands. */
const settings = [
  ['unix_socket_directories', ''],
  ['listen_addresses', '127.0.0.1'],
  ['shared_buffers', '8MB'],
  ['max_connections', '30'],
  ['max_wal_senders', '4'],
  ['wal_retrieve_retry_interval', '100ms'],
  ['autovacuum', 'off'],
  ['bgwriter_lru_maxpages', '0'],
] as const;

type Started = Readonly<{ folder: string; port: number; process: ChildProcess }>;

/** A real PostgreSQL on a port of the loopback, its data in a folder that goes with it. */
export class PostgresServer {
  readonly port: number;
  readonly #folder: string;
  #process: ChildProcess | undefined;

  private constructor({ folder, port, process: started }: Started) {
    this.port = port;
    this.#folder = folder;
    this.#process = started;
  }

  /** A new database, ready. `more`: settings that win over ours. */
  static async start(more: readonly string[] = []): Promise<PostgresServer> {
    const folder = newFolder();
    cpSync(await emptyCluster(), join(folder, 'data'), { recursive: true });
    return PostgresServer.#startIn(folder, more);
  }

  /** A standby that streams from this server. `name`: as synchronous_standby_names may say it. */
  async startStandby(name: string, more: readonly string[] = []): Promise<PostgresServer> {
    const folder = newFolder();
    const data = join(folder, 'data');
    const from = `host=127.0.0.1 port=${this.port} user=${user} password='${password}' application_name=${name}`;
    const args = ['-D', data, '-d', from, '-X', 'stream', '-R', '-c', 'fast', '--no-sync'];
    await run(join(postgresPrograms(), 'pg_basebackup'), args, nobody);
    return PostgresServer.#startIn(folder, more);
  }

  static async #startIn(folder: string, more: readonly string[]): Promise<PostgresServer> {
    giveAway(folder);
    chmodSync(join(folder, 'data'), 0o700);
    const [port = 0] = await lastingPorts(1);
    return new PostgresServer({ folder, port, process: await launch(folder, port, more) });
  }

  /** What a coordinator needs to know of it. */
  settings(more: Partial<PostgresSettings> = {}): PostgresSettings {
    return {
      hosts: [{ host: '127.0.0.1', port: this.port }],
      database: 'postgres',
      user,
      password,
      schema: 'testudo',
      isReplicated: false,
      outageMs: 60_000,
      leaseMs: 2_000,
      ...more,
    };
  }

  get url(): string {
    return `postgres://${user}@127.0.0.1:${this.port}/postgres`;
  }

  static get password(): string {
    return password;
  }

  /** Runs SQL on a connection of its own, as an administrator would. */
  async sql(text: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const client = new pg.Client({ host: '127.0.0.1', port: this.port, user, password, database: 'postgres' });
    client.on('error', () => {});
    await client.connect();
    try {
      return [await client.query(text)].flat().at(-1)?.rows ?? [];
    } finally {
      await client.end();
    }
  }

  /** Changes a setting while it runs, as an administrator or a fail-over manager would. */
  async set(name: string, value: string): Promise<void> {
    await this.sql(`ALTER SYSTEM SET ${name} = '${value}'`);
    await this.sql('SELECT pg_reload_conf()');
    while ((await this.sql(`SHOW ${name}`))[0]?.[name] !== value);
  }

  /** Ends it as it would end by itself (SIGTERM, SIGINT), without ado (SIGQUIT), or the hard way (SIGKILL). */
  async end(signal: 'SIGINT' | 'SIGQUIT' | 'SIGKILL' = 'SIGINT'): Promise<void> {
    const ending = this.#process;
    this.#process = undefined;
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
    ending.kill(signal);
    await once(ending, 'exit');
  }

  /** Starts it again on what its disk holds. */
  async startAgain(more: readonly string[] = []): Promise<void> {
    await this.end();
    this.#process = await launch(this.#folder, this.port, more);
  }

  /** Ends it and removes its data. */
  async remove(): Promise<void> {
    await this.end('SIGQUIT');
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Resolves once it takes connections. After a SIGKILL its children may hold the memory a moment longer: then tries again. */
async function launch(folder: string, port: number, more: readonly string[]): Promise<ChildProcess> {
  const own = [...settings.map(([name, value]) => `${name}=${value}`), `port=${port}`, ...more];
  const args = ['-D', join(folder, 'data'), ...own.flatMap((setting) => ['-c', setting])];
  for (;;) {
    const started = spawn(join(postgresPrograms(), 'postgres'), args, {
      ...nobody,
      cwd: folder,
      env: { ...process.env, LC_ALL: 'C' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const said: string[] = [];
    for await (const line of createInterface({ input: started.stderr })) {
      said.push(line);
      if (!/ready to accept (?:read-only )?connections/.test(line)) continue;
      started.stderr.resume();
      return started;
    }
    if (!said.some((line) => line.includes('still in use') || line.includes('lock file'))) {
      throw new Error(`PostgreSQL did not start:\n${said.join('\n')}`);
    }
  }
}

/** A cluster without data, made once for this machine and copied for each server: initdb takes a second. */
async function emptyCluster(): Promise<string> {
  const programs = postgresPrograms();
  const { stdout } = await run(join(programs, 'postgres'), ['--version']);
  const version = /(\d+(?:\.\d+)?)/.exec(stdout)?.[1];
  const place = join(tmpdir(), `testudo-postgres-${version}-${process.getuid?.() ?? 0}`);
  if (existsSync(place)) return join(place, 'data');
  const folder = newFolder();
  const secret = join(folder, 'password');
  writeFileSync(secret, password);
  giveAway(folder);
  const made = ['-D', join(folder, 'data'), '-U', user, '--pwfile', secret, '--auth=scram-sha-256', '--no-sync'];
  const options = { ...nobody, cwd: folder, env: { ...process.env, LC_ALL: 'C' } };
  await run(join(programs, 'initdb'), [...made, '--encoding=UTF8', '--locale=C', '--wal-segsize=1'], options);
  try {
    renameSync(folder, place);
  } catch {
    rmSync(folder, { recursive: true, force: true }); // Another process was faster.
  }
  return join(place, 'data');
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'testudo-postgres-'));
  giveAway(folder);
  return folder;
}

/** To who runs the server; what lies in it, too. */
function giveAway(folder: string): void {
  if (nobody.uid === undefined) return;
  chownSync(folder, nobody.uid, nobody.gid);
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    chownSync(join(folder, name), nobody.uid, nobody.gid);
  }
}
