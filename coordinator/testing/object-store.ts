import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unwrap } from '../../base/fault.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { lastingPorts } from '../../base/testing/lasting-ports.ts';
import type { Timers } from '../../base/time.ts';
import type { BucketSettings } from '../blobs/s3/bucket-settings.ts';
import { openBucket } from '../blobs/s3/probe.ts';

const accessKeyId = 'testudo-tests';
const secretAccessKey = 'a secret for tests alone';
const bucket = 'blobs';

type Command = Readonly<{ program: string; args: readonly string[]; env?: NodeJS.ProcessEnv }>;
/** `meta`: a folder for what a store keeps beside the bytes. */
type Serve = (at: Readonly<{ folder: string; meta: string; port: number }>) => Command;

/**
 * A careless store: takes bytes with a wrong checksum, ignores conditions. `program`: where set-up put it
 * (tools/testing/stores/rclone.mjs).
 */
export function rclone(program: string): Serve {
  return ({ folder, port }) => ({
    program,
    args: [
      ...['serve', 's3', '--addr', `127.0.0.1:${port}`, '--auth-key', `${accessKeyId},${secretAccessKey}`],
      ...['--config', '/dev/null', '--vfs-cache-mode', 'off', folder],
    ],
  });
}

/** A careful store. `program`: where it was built (tools/testing/stores/build.mjs). */
export function versitygw(program: string): Serve {
  return ({ folder, meta, port }) => ({
    program,
    args: ['--port', `127.0.0.1:${port}`, 'posix', '--sidecar', meta, folder],
    env: { ROOT_ACCESS_KEY: accessKeyId, ROOT_SECRET_KEY: secretAccessKey },
  });
}

/** A real object store on a port of the loopback, with one bucket, its data in a folder that goes with it. */
export class ObjectStore {
  readonly port: number;
  /** Where the objects of the bucket lie. */
  readonly folder: string;
  readonly #process: ChildProcess;
  readonly #root: string;

  private constructor(port: number, root: string, started: ChildProcess) {
    this.port = port;
    this.#root = root;
    this.folder = join(root, 'objects', bucket);
    this.#process = started;
  }

  /** Started, and answering. */
  static async start(serve: Serve): Promise<ObjectStore> {
    const root = mkdtempSync(join(tmpdir(), 'testudo-objects-'));
    const [folder, meta] = [join(root, 'objects'), join(root, 'meta')];
    mkdirSync(join(folder, bucket), { recursive: true });
    mkdirSync(meta);
    const [port = 0] = await lastingPorts(1);
    const { program, args, env } = serve({ folder, meta, port });
    const started = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'pipe'] });
    const said: Buffer[] = [];
    started.stderr.on('data', (bytes) => said.push(bytes));
    let failed: string | undefined;
    started.on('error', (error) => (failed = error.message));
    started.on('exit', (code) => (failed ??= `it ended with ${code}`));
    while (!(await answers(port))) {
      if (failed !== undefined) throw new Error(`the object store did not start (${failed}):\n${Buffer.concat(said)}`);
    }
    return new ObjectStore(port, root, started);
  }

  /** What a coordinator needs to know of it. Each prefix is a store of its own. */
  settings(prefix = '', more: Partial<BucketSettings> = {}): BucketSettings {
    return {
      endpoint: `http://127.0.0.1:${this.port}`,
      bucket,
      region: 'us-east-1',
      prefix: prefix === '' ? '' : `${prefix}/`,
      pathStyle: true,
      accessKeyId,
      secretAccessKey,
      patienceMs: 60_000,
      bytesPerSecondMin: 65_536,
      tries: { max: 4, between: { firstMs: 2, maxMs: 20 } },
      ...more,
    };
  }

  async open(prefix: string, more: Partial<BucketSettings> = {}, timers: Timers = systemTimers) {
    return unwrap(await openBucket(this.settings(prefix, more), timers));
  }

  /** Ends it the hard way and removes its data. */
  async remove(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      this.#process.kill('SIGKILL');
      await once(this.#process, 'exit');
    }
    rmSync(this.#root, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(true));
    socket.once('error', () => setTimeout(() => resolve(false), 20));
  }).finally(() => socket.destroy()) as Promise<boolean>;
}
