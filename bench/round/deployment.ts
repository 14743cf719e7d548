import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unwrap } from '../../base/fault.ts';
import { parseConfig } from '../../coordinator/config/config.ts';
import { makeLocalOperator } from '../../coordinator/founding.ts';
import type { OperatorCredentials } from '../../coordinator/keys/operator-credentials.ts';
import { enrolCluster, settle, type TestCluster } from '../../coordinator/testing/cluster.ts';
import { images } from '../../deploy/images/images.ts';
import {
  type Addresses,
  type CoordinatorProcess,
  listenAnywhere,
  startCoordinatorProcess,
} from '../../lab/rig/coordinator-process.ts';
import { connectOperator, type Operator } from '../../lab/rig/operator.ts';
import { type Speaker, startSpeaker } from '../../lab/rig/speaker.ts';
import type { FollowResponse, OperatorClient } from '../../proto/generated/testudo/v1/operator.ts';
import { type ModelSpec, specBytes } from '../../proto/model-spec.ts';
import { chunkBytes } from '../../proto/wire-names.ts';
import { environmentOf } from '../harness/environment.ts';
import { cpuSecondsOf, peakMiB, residentMiB } from '../harness/process-figures.ts';

export const track = 'bench';
const masterKey = 'a master key for benchmarks alone';

/** What its image sets: what decides memory is measured as it is shipped. */
const imageEnvironment = environmentOf(images.coordinator.env);

/** A coordinator process with everything on, as `testudo coordinator` runs it, and the clients' processes. */
export class Deployment {
  readonly #folder = mkdtempSync(join(tmpdir(), 'testudo-bench-'));
  readonly #logFile = join(this.#folder, 'coordinator.log');
  readonly #speakers = new Set<Speaker>();
  #credentials: OperatorCredentials | undefined;
  #coordinator: CoordinatorProcess | undefined;
  #operator: Operator | undefined;

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
listen: ${JSON.stringify(listenAnywhere)}
enrolments: { burst: 100000, perMinute: 100000 }
connections: { enrolment: { atOnceMax: 2000, perAddressMax: 2000 } }
`;
    const path = join(this.#folder, 'coordinator.yaml');
    writeFileSync(path, text);
    const config = unwrap(parseConfig({ file: { path, text } }));
    const admin = { name: 'admin', role: 'admin', address: '' } as const;
    this.#credentials = unwrap(await makeLocalOperator(config, admin, { BENCH_MASTER_KEY: masterKey })).credentials;
  }

  /** Starts the coordinator and waits until it is ready. */
  async startCoordinator(): Promise<void> {
    this.#coordinator = await startCoordinatorProcess({
      testudo: fileURLToPath(new URL('../../cli/testudo.ts', import.meta.url)),
      config: join(this.#folder, 'coordinator.yaml'),
      env: { ...imageEnvironment, BENCH_MASTER_KEY: masterKey },
      logFile: this.#logFile,
    });
    this.#operator?.close();
    this.#operator = connectOperator(this.#credentials as OperatorCredentials, this.addresses.federation);
  }

  async stopCoordinator(): Promise<void> {
    await this.#coordinator?.member.stop();
  }

  get addresses(): Addresses {
    return (this.#coordinator as CoordinatorProcess).addresses;
  }

  get operator(): OperatorClient {
    return (this.#operator as Operator).client;
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
   * Starts `processes` processes of `program`, which hosts release agents, for `count` clusters together; resolves when each said that it is
   * ready. Every further line of theirs goes to `onLine`.
   */
  async startAgents(program: URL, count: number, processes: number, onLine: (line: string) => void): Promise<void> {
    const share = Math.ceil(count / processes);
    const { addresses } = this;
    const started: Promise<void>[] = [];
    for (let first = 0; first < count; first += share) {
      const tokens: string[] = [];
      for (let at = first; at < Math.min(count, first + share); at += 1) tokens.push(await this.#token(`agent-${at}`));
      const folder = join(this.#folder, `agents-${first}`);
      started.push(this.#speak(program, { addresses, tokens, track, folder }, 'ready', onLine));
    }
    await Promise.all(started);
  }

  async #speak(program: URL, task: object, ready: string, onLine: (line: string) => void): Promise<void> {
    this.#speakers.add(await startSpeaker({ program: fileURLToPath(program), task, ready, onLine }));
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
    const task = { addresses: this.addresses, authority, tokens, track, values, firstSeed };
    await this.#speak(new URL('./clients.ts', import.meta.url), task, 'watching', () => {});
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

  /** Peak and present resident memory of the coordinator, bytes. */
  coordinatorMemory(): Readonly<{ peakBytes: number; nowBytes: number }> {
    const pid = this.#coordinator?.member.pid as number;
    return { peakBytes: peakMiB(pid) * 2 ** 20, nowBytes: residentMiB(pid) * 2 ** 20 };
  }

  #killAll(): void {
    this.#coordinator?.member.kill();
    for (const speaker of this.#speakers) speaker.kill();
    this.#speakers.clear();
  }

  /** What the coordinator warned of, for whoever reads the benchmark's output. */
  #complaints(): readonly string[] {
    const lines = existsSync(this.#logFile) ? readFileSync(this.#logFile, 'utf8').split('\n') : [];
    return lines.filter((line) => line !== '' && (!line.startsWith('{') || /"level":"(?:warn|error)"/.test(line)));
  }

  /** User and system time so far of the coordinator, and of the processes of clients and agents together, seconds. */
  processorSeconds(): Readonly<{ coordinator: number; clients: number }> {
    let clients = 0;
    for (const { pid } of this.#speakers) clients += cpuSecondsOf(pid);
    return { coordinator: cpuSecondsOf(this.#coordinator?.member.pid as number), clients };
  }

  /** Ends every process that it started and removes its files. */
  async close(): Promise<void> {
    this.#operator?.close();
    this.#killAll();
    await this.#coordinator?.member.exited;
    for (const line of this.#complaints()) console.error(line);
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
