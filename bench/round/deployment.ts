import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { unwrap } from '../../base/fault.ts';
import { parseConfig } from '../../coordinator/config/config.ts';
import { makeLocalOperator } from '../../coordinator/founding.ts';
import type { OperatorCredentials } from '../../coordinator/keys/operator-credentials.ts';
import { enrolCluster, secure, settle, type TestCluster } from '../../coordinator/testing/cluster.ts';
import type { FollowResponse } from '../../proto/generated/testudo/v1/operator.ts';
import { OperatorClient } from '../../proto/generated/testudo/v1/operator.ts';
import { type ModelSpec, specBytes } from '../../proto/model-spec.ts';
import { chunkBytes, coordinatorServerName } from '../../proto/wire-names.ts';

export const track = 'bench';
const masterKey = 'a master key for benchmarks alone';
const options = { 'grpc.ssl_target_name_override': coordinatorServerName, 'grpc.use_local_subchannel_pool': 1 };

type Addresses = Readonly<{ enrolment: string; federation: string; health: string }>;

/** A coordinator process with everything on, as `testudo coordinator` runs it, and the clients' processes. */
export class Deployment {
  readonly #folder = mkdtempSync(join(tmpdir(), 'testudo-bench-'));
  readonly #children = new Set<ChildProcess>();
  #credentials: OperatorCredentials | undefined;
  #coordinator: ChildProcess | undefined;
  #operator: OperatorClient | undefined;
  addresses: Addresses = { enrolment: '', federation: '', health: '' };

  constructor() {
    process.once('exit', () => this.#killAll());
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(1));
  }

  /** Makes the authority and the first admin: what `testudo coordinator init` does. */
  async found(): Promise<void> {
    const text = `
federation: herd
dataDirectory: ./data
masterKey: { environment: BENCH_MASTER_KEY }
listen: { enrolment: "127.0.0.1:0", federation: "127.0.0.1:0", health: "127.0.0.1:0" }
enrolments: { burst: 100000, perMinute: 100000 }
`;
    const path = join(this.#folder, 'coordinator.yaml');
    writeFileSync(path, text);
    const config = unwrap(parseConfig({ file: { path, text } }));
    const admin = { name: 'admin', role: 'admin', address: '' } as const;
    this.#credentials = unwrap(await makeLocalOperator(config, admin, { BENCH_MASTER_KEY: masterKey })).credentials;
  }

  /** Starts the coordinator and waits until it is ready. */
  async startCoordinator(): Promise<void> {
    const cli = fileURLToPath(new URL('../../cli/testudo.ts', import.meta.url));
    const child = spawn(process.execPath, [cli, 'coordinator', '--config', join(this.#folder, 'coordinator.yaml')], {
      env: { ...process.env, BENCH_MASTER_KEY: masterKey },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#coordinator = child;
    this.#children.add(child);
    this.addresses = await new Promise<Addresses>((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`the coordinator ended with ${code}`)));
      createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => {
        if (!line.startsWith('{')) return console.error(line);
        const entry = JSON.parse(line) as { msg: string; addresses: Addresses; level: string };
        if (entry.msg === 'coordinator ready') resolve(entry.addresses);
        if (entry.level === 'warn' || entry.level === 'error') console.error(line);
      });
    });
    const { authority, certificateChain, key } = this.#credentials as OperatorCredentials;
    this.#operator?.close();
    this.#operator = new OperatorClient(
      this.addresses.federation,
      secure({ ca: authority, cert: certificateChain, key }),
      options,
    );
  }

  async stopCoordinator(): Promise<void> {
    const child = this.#coordinator as ChildProcess;
    child.kill('SIGTERM');
    await once(child, 'exit');
    this.#children.delete(child);
  }

  get operator(): OperatorClient {
    return this.#operator as OperatorClient;
  }

  async putTrack(spec: ModelSpec, model: Uint8Array, policy: object): Promise<void> {
    const reason = 'benchmark';
    const settings = {
      track,
      spec: { canonicalJson: specBytes(spec), schemaDigest: '' },
      policyJson: JSON.stringify(policy),
      reason,
    };
    const put = await settle((callback) => {
      const stream = this.operator.putTrack(callback);
      stream.write({ part: { $case: 'settings', value: settings } });
      for (let at = 0; at < model.byteLength; at += chunkBytes) {
        const value = Buffer.from(model.subarray(at, at + chunkBytes));
        stream.write({ part: { $case: 'modelChunk', value } });
      }
      stream.end();
    });
    unwrap(put);
  }

  /** Starts `processes` processes that host `count` clients together; resolves when all of them watch. */
  async startClients(count: number, processes: number, values: number): Promise<void> {
    const share = Math.ceil(count / processes);
    const started: Promise<void>[] = [];
    for (let first = 0; first < count; first += share) {
      const names = Array.from({ length: Math.min(share, count - first) }, (_, at) => `cluster-${first + at}`);
      started.push(this.#startClients(names, first + 1, values));
    }
    await Promise.all(started);
  }

  /**
   * Starts `processes` processes of rotation agents for `count` clusters together; resolves when each said that it is
   * ready. Every further line of theirs goes to `onLine`.
   */
  async startAgents(count: number, processes: number, onLine: (line: string) => void): Promise<void> {
    const share = Math.ceil(count / processes);
    const { addresses } = this;
    const started: Promise<void>[] = [];
    for (let first = 0; first < count; first += share) {
      const tokens: string[] = [];
      for (let at = first; at < Math.min(count, first + share); at += 1) tokens.push(await this.#token(`agent-${at}`));
      const folder = join(this.#folder, `agents-${first}`);
      started.push(
        this.#startProgram(
          new URL('../releases/agents.ts', import.meta.url),
          { addresses, tokens, track, folder },
          onLine,
        ),
      );
    }
    await Promise.all(started);
  }

  #startProgram(program: URL, task: object, onLine: (line: string) => void): Promise<void> {
    const script = fileURLToPath(program);
    const child = spawn(process.execPath, [script, JSON.stringify(task)], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#children.add(child);
    return new Promise<void>((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`${script} ended with ${code}`)));
      createInterface({ input: child.stdout }).on('line', (line) => (line === 'ready' ? resolve() : onLine(line)));
    });
  }

  /** A client in this process. */
  async enrol(cluster: string): Promise<TestCluster> {
    const { authority } = this.#credentials as OperatorCredentials;
    return unwrap(await enrolCluster(this.addresses, authority, await this.#token(cluster)));
  }

  async openRound(): Promise<void> {
    unwrap(await settle((callback) => this.operator.openRound({ track, reason: 'benchmark' }, callback)));
  }

  async #token(cluster: string): Promise<string> {
    const request = { cluster, lifetimeSeconds: 3600, labels: [] };
    return unwrap(await settle<{ token: string }>((done) => this.operator.createToken(request, done))).token;
  }

  async #startClients(names: readonly string[], firstSeed: number, values: number): Promise<void> {
    const tokens: string[] = [];
    for (const cluster of names) tokens.push(await this.#token(cluster));
    const authority = (this.#credentials as OperatorCredentials).authority;
    const task = JSON.stringify({ addresses: this.addresses, authority, tokens, track, values, firstSeed });
    const script = fileURLToPath(new URL('./clients.ts', import.meta.url));
    const child = spawn(process.execPath, [script, task], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#children.add(child);
    await new Promise<void>((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`a client process ended with ${code}`)));
      createInterface({ input: child.stdout }).on('line', (line) => line === 'watching' && resolve());
    });
  }

  /** Opens a round and resolves when its candidate is journalled; seconds between the two. */
  async round(): Promise<number> {
    const opened = performance.now();
    const follow = this.operator.follow({ fromSequence: 0n });
    follow.on('error', () => {}); // Cancelled below.
    const ended = new Promise<void>((resolve, reject) => {
      follow.on('data', ({ entry }: FollowResponse) => {
        if (entry?.kind !== 'roundStepped') return;
        const { event } = JSON.parse(entry.eventJson) as { event?: { kind: string; detail?: string } };
        if (event?.kind === 'aggregated') resolve();
        if (event?.kind === 'aggregationRefused') reject(new Error(`aggregation refused: ${event.detail}`));
      });
    });
    await this.openRound();
    await ended;
    const seconds = (performance.now() - opened) / 1000;
    follow.cancel();
    return seconds;
  }

  /** For /proc: the coordinator's process, then the clients'. */
  get processIds(): readonly number[] {
    return [this.#coordinator, ...[...this.#children].filter((child) => child !== this.#coordinator)].map(
      (child) => child?.pid ?? 0,
    );
  }

  /** Peak and present resident memory of the coordinator, bytes. */
  coordinatorMemory(): Readonly<{ peakBytes: number; nowBytes: number }> {
    const text = readFileSync(`/proc/${this.#coordinator?.pid}/status`, 'utf8');
    const field = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(text)?.[1] ?? Number.NaN) * 1024;
    return { peakBytes: field('VmHWM'), nowBytes: field('VmRSS') };
  }

  #killAll(): void {
    for (const child of this.#children) {
      child.removeAllListeners('exit');
      child.kill('SIGKILL');
    }
    this.#children.clear();
  }

  /** Ends every process that it started and removes its files. */
  async close(): Promise<void> {
    this.#operator?.close();
    this.#killAll();
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
