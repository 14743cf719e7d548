import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { ok, unwrap } from '../../base/fault.ts';
import { type Log, makeLog } from '../../base/log.ts';
import { systemTimers } from '../../base/system-timers.ts';
import type { Timers } from '../../base/time.ts';
import type { EnrolResponse } from '../../proto/generated/testudo/v1/enrolment.ts';
import { parseClusterId, parseTrackId } from '../../proto/ids.ts';
import { bytesOfValues, layoutOf } from '../../proto/layout.ts';
import type { ModelSpec } from '../../proto/model-spec.ts';
import { type CoordinatorConfig, parseConfig } from '../config/config.ts';
import { parseTrackPolicy } from '../config/policy.ts';
import { type Coordinator, type CoordinatorOptions, startCoordinator } from '../coordinator.ts';
import type { JournalEntry } from '../ledger/journal/entry.ts';
import type { Labels } from '../ledger/journal/events.ts';
import type { State } from '../ledger/state/state.ts';
import { createTrack } from '../ledger/track-changes.ts';
import type { LightForm } from '../registry/keeping/publisher.ts';
import { type Applicant, enrolCluster, TestCluster } from './cluster.ts';
import { tempDir } from './temp-dir.ts';

export const track = parseTrackId('syscall');
export const operator = { kind: 'coordinator', part: 'identity' } as const;

/** A model of so many values: small enough to seal in a moment, large enough for several chunks when asked for. */
function specOf(values: number, architecture: string): ModelSpec {
  return { architecture, hyperparameters: {}, tensors: [{ name: 'weights', shape: [values] }] };
}

export type FederationOptions = Readonly<{
  values?: number;
  /** Of the track's spec. */
  architecture?: string;
  /** In the place of a spec of one tensor; its first model is all zeros unless `weights` are given. */
  spec?: ModelSpec;
  weights?: Float32Array;
  /** What writes light forms; without it releases have none. */
  lightForm?: LightForm;
  /** What reads trusted samples. */
  sampleReader?: URL;
  /** Of every cluster that enrols. */
  labels?: Labels;
  /** Of the track; f 0 and Krum on three updates unless given. */
  policy?: string;
  settings?: readonly string[];
  dataDirectory?: string;
  /** What is done in the data directory before the coordinator starts. */
  before?: (config: CoordinatorConfig) => Promise<void>;
  /** The dashboard's built pages; served where `settings` say that listen.dashboard is. */
  pages?: URL;
  /** Silent unless given. */
  log?: Log;
  /** The system's unless given. */
  timers?: Timers;
}>;

type Around = Readonly<{
  log: Log;
  timers: Timers;
  sampleReader?: URL;
  labels?: Labels;
  pages?: URL;
  lightForm?: LightForm;
}>;

export const policyDefault = `
aggregation: { f: 0, before: [], rule: { kind: krum } }
rounds: { goal: { kind: share, ofEnrolled: 1 }, overSelection: 1, quorum: { kind: count, updates: 3 }, collectForMs: 60000 }
`;

/** A configuration on loopback with free ports. */
function configIn(folder: string, settings: readonly string[] = []): CoordinatorConfig {
  const text = `
federation: herd
dataDirectory: ${join(folder, 'data')}
masterKey: { environment: TEST_MASTER_KEY }
listen: { enrolment: "127.0.0.1:0", federation: "127.0.0.1:0", health: "127.0.0.1:0" }
log: { level: silent }
drainSeconds: 1
enrolments: { burst: 100000, perMinute: 100000 }
connections: { enrolment: { atOnceMax: 2000, perAddressMax: 2000 } }
`;
  return unwrap(parseConfig({ file: { path: join(folder, 'coordinator.yaml'), text }, settings }));
}

export const masterKey = 'a master key for tests alone';
export const environment = { TEST_MASTER_KEY: masterKey };

/** A real coordinator in this process, on loopback, with one track. Closed when the test ends. */
export class TestFederation {
  readonly config: CoordinatorConfig;
  readonly spec: ModelSpec;
  readonly #around: Around;
  #coordinator: Coordinator;

  private constructor(config: CoordinatorConfig, spec: ModelSpec, coordinator: Coordinator, around: Around) {
    this.config = config;
    this.#around = around;
    this.spec = spec;
    this.#coordinator = coordinator;
  }

  static async start({
    values = 1000,
    architecture = 'test/1',
    policy = policyDefault,
    settings = [],
    dataDirectory,
    before,
    log = makeLog('silent'),
    timers = systemTimers,
    spec: other,
    sampleReader,
    labels,
    pages,
    weights,
    lightForm,
  }: FederationOptions = {}) {
    const config = configIn(dataDirectory ?? tempDir(), settings);
    const spec = other ?? specOf(values, architecture);
    const around = {
      log,
      timers,
      ...(sampleReader && { sampleReader }),
      ...(labels && { labels }),
      ...(pages && { pages }),
      ...(lightForm && { lightForm }),
    };
    await before?.(config);
    const coordinator = await open(config, around);
    const federation = new TestFederation(config, spec, coordinator, around);
    onTestFinished(() => federation.#coordinator.close());
    const { engine } = coordinator;
    if (!engine.state().tracks.has(track)) {
      const zeros = () => new Float32Array(layoutOf(spec).length);
      const first = weights ?? (other === undefined ? new Float32Array(values).fill(0.5) : zeros());
      const modelDigest = unwrap(await engine.blobs.put(bytesOfValues(first)));
      const parsed = unwrap(parseTrackPolicy(policy));
      unwrap(await createTrack(engine, operator, { track, spec, policy: parsed, modelDigest, reason: 'test' }));
    }
    return federation;
  }

  get coordinator(): Coordinator {
    return this.#coordinator;
  }

  /** The root certificate, PEM: what a client learns by its token's fingerprint. */
  get authority(): string {
    return this.#coordinator.authority.rootCertificate;
  }

  async restart(): Promise<void> {
    await this.#coordinator.close();
    this.#coordinator = await open(this.config, this.#around);
  }

  /** A second coordinator of the same configuration stands by; once it leads it is this federation's. */
  async standBy(options: CoordinatorOptions): Promise<void> {
    this.#coordinator = unwrap(await startCoordinator(this.config, { environment, ...options }));
  }

  async token(cluster: string, lifetimeMs = 3_600_000): Promise<string> {
    const wanted = { cluster: parseClusterId(cluster), lifetimeMs, labels: this.#around.labels ?? {} };
    return unwrap(await this.#coordinator.membership.mintToken(operator, wanted)).text;
  }

  async enrol(cluster: string): Promise<TestCluster> {
    const member = unwrap(await enrolCluster(this.#coordinator.addresses, this.authority, await this.token(cluster)));
    onTestFinished(() => member.close());
    return member;
  }

  /** The same cluster at the coordinator's present address, with what it had been told. */
  async reconnect(member: TestCluster): Promise<TestCluster> {
    const again = this.connect(member.applied, member.enrolled);
    again.received.push(...member.received);
    return again;
  }

  connect(applied: Applicant, enrolled: EnrolResponse): TestCluster {
    const cluster = new TestCluster(this.#coordinator.addresses, applied, enrolled);
    onTestFinished(() => cluster.close());
    return cluster;
  }

  /** Clusters that are enrolled and watch, and a round that has invited all of them. */
  async round(names: readonly string[]): Promise<readonly TestCluster[]> {
    const members = await Promise.all(names.map((name) => this.enrol(name)));
    for (const member of members) await member.watch([track]);
    await this.openRound();
    for (const member of members) await member.invitation();
    return members;
  }

  async openRound(): Promise<string> {
    return unwrap(await this.#coordinator.engine.openRound(operator, { track, reason: 'test' })).value;
  }

  /** Resolves when the state satisfies `holds`, looked at after every entry. */
  async until(holds: (state: State) => boolean): Promise<void> {
    const { engine } = this.#coordinator;
    if (holds(engine.state())) return;
    await new Promise<void>((resolve) => {
      const unfollow = engine.follow(() => {
        if (!holds(engine.state())) return;
        unfollow();
        resolve();
      });
    });
  }

  /** Everything that was journalled, and what was on its way to the journal at the time of the call. */
  async audit(): Promise<readonly JournalEntry[]> {
    const { engine } = this.#coordinator;
    unwrap(await engine.commit(operator, () => ok({ events: [], value: undefined })));
    return unwrap(await engine.audit(1, 100_000));
  }

  /** Codes of the refusals in the audit log. */
  async refusals(): Promise<readonly string[]> {
    return (await this.audit()).flatMap(({ event }) => (event.kind === 'refused' ? [event.code] : []));
  }
}

async function open(config: CoordinatorConfig, { labels: _, ...around }: Around): Promise<Coordinator> {
  return unwrap(await startCoordinator(config, { environment, ...around }));
}
