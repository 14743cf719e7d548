import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unwrap } from '../../base/fault.ts';
import { type HeardLine, HeardLog } from '../../base/testing/heard-log.ts';
import type { Timers } from '../../base/time.ts';
import { type RunningClient, startClient } from '../../client/client.ts';
import { parseClientConfig } from '../../client/config.ts';
import { callIdOfName } from '../../client/events/vocabulary.ts';
import { ReleasePress } from '../../client/releases/testing/release-press.ts';
import { TestReleases } from '../../client/releases/testing/releases-server.ts';
import type { Alert } from '../../client/scoring/alert.ts';
import type { Observed } from '../../client/tracks/detector.ts';
import { writeLightForm } from '../../client/tracks/syscall/light/light-forms.ts';
import { WorkloadClasses } from '../../client/tracks/syscall/traces/workload-classes.ts';
import { learnTwoViews } from '../../client/tracks/syscall/two-views/two-views.ts';
import { twoViewsSpec } from '../../client/tracks/syscall/two-views/two-views-spec.ts';
import { digestOf } from '../../proto/digest.ts';
import { type Digest, parseTrackId } from '../../proto/ids.ts';
import type { ModelSpec } from '../../proto/model-spec.ts';
import { releaseFileNames } from '../../proto/release/documents/manifest.ts';
import { type Member, pauseWhileRunning, startMember } from '../rig/member.ts';
import { loopbackFederationId, startLoopbackFederation } from './loopback-federation.ts';
import { normalCalls } from './node-calls.ts';

export const track = parseTrackId('syscall');
const sharedToken = 'a-token-that-hub-and-sensors-share-0123456789';

/** What a rig's releases are made of: a spec, and the weights of each version. */
export type RigModel = Readonly<{ spec: ModelSpec; weights(version: number): Float32Array }>;

/** The default detector, smaller. */
const nginxSpec = twoViewsSpec(new WorkloadClasses(['nginx']), { gramSlots: 2 ** 12, pairSlots: 2 ** 10 });
export const nginx: RigModel = {
  spec: nginxSpec,
  weights: (version) => learnTwoViews(nginxSpec, nginxTraces(version)).weights,
};

function nginxTraces(version: number): readonly Observed[] {
  const own = Array.from({ length: version }, (_, at) => [...normalCalls(at), 'getpid']);
  return [...Array.from({ length: 48 }, (_, salt) => normalCalls(salt)), ...own].map((names) => ({
    service: 'nginx',
    calls: Uint16Array.from(names, (name) => callIdOfName(name)),
  }));
}

/** As much of a coordinator as a rig needs. */
export type RigCoordinator = Readonly<{
  coordinator: Readonly<{ enrolPort: number; memberPort: number; stop(): void }>;
  newToken(cluster: string): string;
}>;

/** A client that is a hub, in this process, before a coordinator on loopback; sensors are processes of their own. */
export class NodeRig {
  readonly folder: string;
  readonly releases: TestReleases;
  readonly press = new ReleasePress(loopbackFederationId, track);
  /** What the client logs. */
  readonly heard = new HeardLog();
  readonly #federation: RigCoordinator;
  readonly #testudo: string;
  readonly #model: RigModel;
  readonly #processesStarted: Member[] = [];
  #processes = 0;
  #clientsStarted = 0;
  #ports: Readonly<{ sensors: number; admission: number }> = { sensors: 0, admission: 0 };
  client: RunningClient | undefined;

  private constructor(
    parts: Readonly<{
      folder: string;
      testudo: string;
      model: RigModel;
      releases: TestReleases;
      federation: RigCoordinator;
    }>,
  ) {
    const { folder, testudo, model, releases, federation } = parts;
    this.#model = model;
    this.folder = folder;
    this.#testudo = testudo;
    this.releases = releases;
    this.#federation = federation;
  }

  /** With version 1 of a model that knows what is normal, stable. `testudo`: the command's program. The client is started apart. */
  static async open(testudo: string, model: RigModel = nginx): Promise<NodeRig> {
    const folder = await mkdtemp(join(tmpdir(), 'testudo-node-'));
    const releases = new TestReleases();
    const federation = await startLoopbackFederation(() => 3_600_000, releases.service());
    const rig = new NodeRig({ folder, testudo, model, releases, federation });
    releases.fileOf = (digest) => rig.press.files.get(digest as never);
    await rig.release(1);
    await writeFile(join(folder, 'token'), sharedToken);
    return rig;
  }

  /** Before another coordinator, whose releases are its own. */
  static async before(testudo: string, federation: RigCoordinator): Promise<NodeRig> {
    const folder = await mkdtemp(join(tmpdir(), 'testudo-node-'));
    const rig = new NodeRig({ folder, testudo, model: nginx, releases: new TestReleases(), federation });
    await writeFile(join(folder, 'token'), sharedToken);
    return rig;
  }

  /** A newer version, in the stable channel. */
  async release(version: number): Promise<void> {
    await this.prepare(version);
    this.publish(version);
  }

  /** A newer version in no channel yet: what it is named by, and its light form's digest. */
  async prepare(version: number): Promise<Readonly<{ manifest: Digest; light: Digest }>> {
    const { spec } = this.#model;
    const weights = this.#model.weights(version);
    const light = Buffer.from((await writeLightForm(spec, weights)) as Uint8Array);
    const { manifest } = this.press.release(version, spec, weights, { [releaseFileNames.light]: light });
    return { manifest: manifest.digest, light: digestOf(light) };
  }

  publish(version: number): void {
    this.press.point('stable', version);
    this.releases.push(this.press.set());
  }

  async startClient(over: Record<string, unknown> = {}, timers?: Timers): Promise<RunningClient> {
    const file = { path: join(this.folder, 'client.yaml'), text: JSON.stringify(await this.#clientSettings(over)) };
    const log = this.heard.log({ level: 'debug' });
    this.client = unwrap(await startClient(unwrap(parseClientConfig({ file })), { log, ...(timers && { timers }) }));
    // A client that is started again listens where its sensors look for it.
    this.#ports = this.client.hub?.ports ?? this.#ports;
    return this.client;
  }

  /** The client as a process of its own; resolves when its hub serves. */
  async startClientProcess(): Promise<Member> {
    const config = join(this.folder, 'client.yaml');
    await writeFile(config, JSON.stringify(await this.#clientSettings({ health: { listen: null } })));
    const args = ['--disable-warning=ExperimentalWarning', this.#testudo, 'client', '--config', config];
    const client = await startMember({ name: 'client', args, logFile: join(this.folder, 'client.log') });
    this.#processesStarted.push(client);
    this.#clientsStarted += 1;
    this.#ports = (await this.#processSaid('client', 'hub serves sensors', this.#clientsStarted)) as never;
    return client;
  }

  async #clientSettings(over: Record<string, unknown>): Promise<Record<string, unknown>> {
    const { enrolPort, memberPort } = this.#federation.coordinator;
    if (this.#ports.sensors === 0) await writeFile(join(this.folder, 'join'), this.#federation.newToken('north'));
    const { sensors, admission } = this.#ports;
    return {
      dataDirectory: 'client',
      coordinator: {
        addresses: [`127.0.0.1:${memberPort}`],
        enrolAddress: `127.0.0.1:${enrolPort}`,
        reconnectSecondsMax: 0.1,
      },
      joinToken: { file: 'join' },
      hub: {
        listen: `127.0.0.1:${sensors}`,
        admissionListen: `127.0.0.1:${admission}`,
        admission: { kind: 'file', path: 'token' },
      },
      agent: { inference: 'light' },
      health: { listen: '127.0.0.1:0' },
      ...over,
    };
  }

  /** What a sensor of this node is configured with. */
  async settings(node: string, over: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    const folder = join(this.folder, node);
    await mkdir(folder, { recursive: true });
    await appendFile(this.events(node), '');
    return {
      dataDirectory: join(folder, 'data'),
      node,
      hub: {
        address: `127.0.0.1:${this.#ports.sensors}`,
        admissionAddress: `127.0.0.1:${this.#ports.admission}`,
        authorityFile: join(this.folder, 'client', 'hub', 'authority.pem'),
        tokenFile: join(this.folder, 'token'),
        reconnectSecondsMax: 0.2,
      },
      sources: [{ kind: 'tetragonFile', path: this.events(node) }],
      // As many as there are contents and more: the highest of them is then the threshold.
      scoring: { warmUp: 60 },
      budget: { coresMax: 1_000, rssMiBMax: 100_000, loadMax: null },
      health: { listen: null },
      ...over,
    };
  }

  async startSensor(
    node: string,
    over: Record<string, unknown> = {},
    env: Record<string, string> = {},
  ): Promise<Member> {
    const config = join(this.folder, `${node}.json`);
    await writeFile(config, JSON.stringify(await this.settings(node, over)));
    const args = ['--disable-warning=ExperimentalWarning', this.#testudo, 'sensor', '--config', config];
    const sensor = await startMember({ name: node, args, env, logFile: join(this.folder, `${node}.log`) });
    this.#processesStarted.push(sensor);
    return sensor;
  }

  /** What Tetragon exports on this node. */
  events(node: string): string {
    return join(this.folder, node, 'tetragon.jsonl');
  }

  /** Processes of nginx make these calls on a node, and end. */
  async happens(node: string, processes: readonly (readonly string[])[]): Promise<void> {
    const lines = processes.flatMap((calls) => {
      const pid = ++this.#processes;
      const pod = { namespace: 'shop', name: 'web-0', workload: 'nginx', pod_labels: { app: 'nginx' } };
      const process = { exec_id: `exec-${pid}`, pid, binary: '/usr/sbin/nginx', pod };
      const time = new Date().toISOString();
      const made = calls.map((name) => ({
        process_tracepoint: { process, subsys: 'syscalls', event: `sys_enter_${name}`, args: [] },
        node_name: node,
        time,
      }));
      return [...made, { process_exit: { process }, time }].map((event) => JSON.stringify(event));
    });
    await appendFile(this.events(node), `${lines.join('\n')}\n`);
  }

  /** Waits until a sensor's own log has so many lines that say so. */
  async sensorSaid(
    node: string,
    msg: string,
    count = 1,
    where: (line: HeardLine) => boolean = () => true,
  ): Promise<HeardLine> {
    return await this.#processSaid(node, msg, count, where);
  }

  /** The line of a process that says so for the `count`th time: it writes to a file, which is looked at. */
  async #processSaid(
    name: string,
    msg: string,
    count = 1,
    where: (line: HeardLine) => boolean = () => true,
  ): Promise<HeardLine> {
    for (;;) {
      const text = await readFile(join(this.folder, `${name}.log`), 'utf8');
      const lines = text
        .split('\n')
        .filter((line) => line.endsWith('}') && line.includes(`"msg":${JSON.stringify(msg)}`));
      const found = lines.map((line) => JSON.parse(line) as HeardLine).filter(where)[count - 1];
      if (found !== undefined) return found;
      await pauseWhileRunning(this.#processesStarted.filter((one) => one.name === name).slice(-1), 50);
    }
  }

  async alerts(): Promise<readonly Alert[]> {
    const text = await readFile(join(this.folder, 'client', 'alerts.jsonl'), 'utf8').catch(() => '');
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Alert);
  }

  async close(): Promise<void> {
    await Promise.all(this.#processesStarted.map((sensor) => sensor.stop()));
    await this.client?.close();
    this.#federation.coordinator.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}
