import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse as parseYaml, stringify as stringifyYaml } from 'yaml';
import { FaultError, unwrap } from '../base/fault.ts';
import { type OperatorConnection, openConnection } from '../cli/operator/connection.ts';
import type { Trace } from '../client/events/trace.ts';
import { openFileBlobStore } from '../coordinator/blobs/file-blob-store.ts';
import { type GetRoundResponse, RoundPhase } from '../proto/generated/testudo/v1/operator.ts';
import type { ClusterInstall, GetGateResponse } from '../proto/generated/testudo/v1/operator_releases.ts';
import { parseDigest } from '../proto/ids.ts';
import { bytesOfValues, layoutOf, valuesOfBytes } from '../proto/layout.ts';
import { type ModelSpec, specBytes } from '../proto/model-spec.ts';
import { freePorts } from './ports.ts';
import { lastLines, type Member, startMember } from './processes.ts';
import { canaryLabel } from './release-story.ts';
import { appendTetragon } from './tetragon-writer.ts';
import { writeTraces } from './trace-writer.ts';

const trackName = 'syscall';

/** What a track of the federation begins with. */
export type TrackStart = Readonly<{
  spec: ModelSpec;
  initialModel: Float32Array;
  /** As `testudo tracks put` takes it. */
  policy: object;
}>;

/** The flow track beside: the same clusters learn from their flows as well. */
export type FlowPlan = TrackStart & Readonly<{ files: ReadonlyMap<string, string> }>;

export type FederationPlan = Readonly<{
  /** An empty folder of its own. */
  folder: string;
  /** What each cluster learns from. */
  clusters: ReadonlyMap<string, readonly Trace[]>;
  /** In the order of their attack schedules. */
  hostile: readonly string[];
  syscall: TrackStart;
  flow: FlowPlan | undefined;
  seed: number;
  /** Clusters that see live traffic and try releases in shadow first, and the attacks that a release must still find. */
  canaries: ReadonlyMap<string, readonly Trace[]>;
}>;

/** A coordinator and its clusters, each a process of its own on this machine, speaking mutual TLS over loopback. */
export type Federation = Readonly<{
  /** Resolves when every cluster has enrolled and watches. */
  ready(onProgress: (connected: number) => void): Promise<void>;
  /** Opens a round and follows it to its end. */
  round(onProgress: (progress: GetRoundResponse) => void, track?: FederationTrack): Promise<GetRoundResponse>;
  readonly clusters: readonly string[];
  readonly specFile: string;
  /** A verb of the operator's, run as a person would type it, in a process of its own. Throws what it said when it fails. */
  command(words: readonly string[]): Promise<void>;
  /** What every cluster's agent made of a version. */
  installs(track: string, version: number): Promise<readonly ClusterInstall[]>;
  gate(track: string, version: number): Promise<GetGateResponse>;
  /** A canary's sensor sees these traces now. */
  observe(cluster: string, traces: readonly Trace[]): Promise<void>;
  /** Where the coordinator keeps the bytes of a digest. */
  blobPath(digest: string): string;
  /** Asks again and again until there is an answer; throws when a process has ended by itself meanwhile. */
  until<Value>(ask: () => Promise<Value | undefined | false>): Promise<Value>;
  /** A model that came out of a round, by its digest. */
  model(digest: string, track?: FederationTrack): Promise<Float32Array>;
  stop(): Promise<void>;
}>;

export type FederationTrack = 'syscall' | 'flow';

const cli = fileURLToPath(new URL('../cli/testudo.ts', import.meta.url));
const hostileProgram = fileURLToPath(new URL('./hostile-process.ts', import.meta.url));
const pollMs = 100;

export async function startFederation(plan: FederationPlan): Promise<Federation> {
  const members: Member[] = [];
  const stop = async () => {
    await Promise.all(members.map((member) => member.stop()));
  };
  try {
    return await assemble(plan, members, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function assemble(plan: FederationPlan, members: Member[], stop: () => Promise<void>): Promise<Federation> {
  const folder = join(plan.folder, 'coordinator');
  const [enrolment, federation, health] = (await freePorts(3)) as [number, number, number];
  await founding(folder);
  const starts = [
    [trackName, plan.syscall] as const,
    ...(plan.flow === undefined ? [] : [['flow', plan.flow] as const]),
  ];
  const tracks = await Promise.all(starts.map(([id, start]) => writeTrack(folder, id, start)));
  await configure(join(folder, 'coordinator.yaml'), {
    listen: {
      enrolment: `127.0.0.1:${enrolment}`,
      federation: `127.0.0.1:${federation}`,
      health: `127.0.0.1:${health}`,
    },
    tracks,
  });
  const coordinator = await startMember({
    name: 'coordinator',
    args: [cli, 'coordinator', '--config', join(folder, 'coordinator.yaml')],
    logFile: join(plan.folder, 'coordinator.log'),
  });
  members.push(coordinator);
  await answering(`http://127.0.0.1:${health}/readyz`, coordinator);

  const reach = { credentials: join(folder, 'operator.json'), address: `127.0.0.1:${federation}` };
  const operator = await openConnection(reach, (fault) => {
    throw new FaultError(fault);
  });
  for (const [name, traces] of plan.clusters) {
    members.push(await startCluster(plan, name, traces, operator, { enrolment, federation }));
  }
  const blobs = await openFileBlobStore(join(folder, 'data'));
  let seenTraces = 0;
  const until: Federation['until'] = async (question) => {
    for (;;) {
      const answer = await question();
      if (answer !== undefined && answer !== false) return answer;
      await pauseWhileRunning(members);
    }
  };
  return {
    clusters: [...plan.clusters.keys()],
    specFile: join(folder, trackName, 'spec.json'),
    until,
    blobPath: (digest) => blobs.path(parseDigest(digest)),
    async command(words) {
      const reached = ['--credentials', reach.credentials, '--address', reach.address];
      const verb = {
        name: words[0] ?? '',
        args: [cli, ...words, ...reached],
        logFile: join(plan.folder, 'operator.log'),
      };
      const member = await startMember(verb);
      await member.exited;
      if (member.exitCode() !== 0) throw new Error(`testudo ${words.join(' ')}:\n${await lastLines(member)}`);
    },
    async installs(track, version) {
      const request = { track, version: BigInt(version) };
      const { installs } = await operator.call(operator.client.getRelease, request);
      return installs;
    },
    gate: (track, version) => operator.call(operator.client.getGate, { track, version: BigInt(version) }),
    async observe(cluster, traces) {
      await appendTetragon(sensorFile(plan, cluster), traces, seenTraces);
      seenTraces += traces.length;
    },
    async ready(onProgress) {
      await until(async () => {
        const { clusters } = await operator.call(operator.client.listClusters, { page: { size: 500, token: '' } });
        const connected = clusters.filter((cluster) => cluster.connected).length;
        onProgress(connected);
        return connected === plan.clusters.size;
      });
    },
    async round(onProgress, track = trackName) {
      const { round } = await operator.call(operator.client.openRound, { track, reason: 'main job' });
      return await until(async () => {
        const answer = await operator.call(operator.client.getRound, { track, round });
        onProgress(answer);
        const phase = answer.summary?.phase;
        const ended = phase === RoundPhase.ROUND_PHASE_CANDIDATE || phase === RoundPhase.ROUND_PHASE_ABANDONED;
        return ended ? answer : undefined;
      });
    },
    async model(digest, track = trackName) {
      const { spec } = new Map<string, TrackStart>(starts).get(track) ?? plan.syscall;
      return unwrap(valuesOfBytes(layoutOf(spec), unwrap(await blobs.get(parseDigest(digest)))));
    },
    async stop() {
      operator.close();
      await stop();
    },
  };
}

/** A track as the coordinator's configuration names it, its files in a folder of their own. */
async function writeTrack(folder: string, id: FederationTrack, { spec, initialModel, policy }: TrackStart) {
  await mkdir(join(folder, id));
  await writeFile(join(folder, id, 'spec.json'), specBytes(spec));
  await writeFile(join(folder, id, 'model.bin'), bytesOfValues(initialModel));
  await writeFile(join(folder, id, 'policy.json'), JSON.stringify(policy));
  return { id, spec: `./${id}/spec.json`, model: `./${id}/model.bin`, policy: `./${id}/policy.json` };
}

/** `testudo coordinator init`, as an operator would type it. */
async function founding(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const args = [cli, 'coordinator', 'init', folder, '--server-name', '127.0.0.1'];
  const init = await startMember({ name: 'init', args, logFile: `${folder}-init.log` });
  await init.exited;
  const made = await readFile(join(folder, 'operator.json')).catch(() => undefined);
  if (made === undefined) throw new Error(`the coordinator could not be set up:\n${await lastLines(init)}`);
}

/** Changes settings of the configuration that `init` wrote. */
async function configure(path: string, settings: object): Promise<void> {
  const before = parseYaml(await readFile(path, 'utf8')) as object;
  await writeFile(path, stringifyYaml({ ...before, ...settings }));
}

type Ports = Readonly<{ enrolment: number; federation: number }>;

async function startCluster(
  plan: FederationPlan,
  name: string,
  traces: readonly Trace[],
  operator: OperatorConnection,
  ports: Ports,
): Promise<Member> {
  const folder = join(plan.folder, name);
  const attacks = plan.canaries.get(name);
  await mkdir(folder, { recursive: true });
  await writeTraces(join(folder, 'traces.tsv.gz'), name, traces);
  const { token } = await operator.call(operator.client.createToken, {
    cluster: name,
    lifetimeSeconds: 600,
    labels: attacks === undefined ? [] : [canaryLabel],
  });
  const canary = attacks === undefined ? undefined : await prepareCanary(plan, name, attacks);
  const config = {
    dataDirectory: join(folder, 'data'),
    coordinator: {
      addresses: [`127.0.0.1:${ports.federation}`],
      enrolAddress: `127.0.0.1:${ports.enrolment}`,
      reconnectSecondsMax: 1,
    },
    joinToken: { environment: 'TESTUDO_JOIN_TOKEN' },
    tracks: plan.flow === undefined ? [trackName] : [trackName, 'flow'],
    sources: [
      { kind: 'traceFile', path: join(folder, 'traces.tsv.gz') },
      ...(plan.flow === undefined ? [] : [{ kind: 'flowRecording', path: plan.flow.files.get(name) }]),
      ...(canary?.sources ?? []),
    ],
    ...(canary === undefined ? {} : { agent: canary.agent, scoring: canary.scoring }),
    // Both tracks' training, and where a sensor is followed their scoring as well, hold TensorFlow.
    training: { rssMiBMax: 1_500 },
    health: { listen: null },
  };
  const configPath = join(folder, 'client.json'); // JSON is YAML.
  await writeFile(configPath, JSON.stringify(config));
  const attacker = plan.hostile.indexOf(name);
  return startMember({
    name,
    args:
      attacker === -1
        ? [cli, 'client', '--config', configPath]
        : [hostileProgram, configPath, String(attacker), String(plan.seed)],
    env: { TESTUDO_JOIN_TOKEN: token },
    logFile: join(plan.folder, `${name}.log`),
  });
}

/** A canary has a sensor that it follows, and attacks that every release must find. */
async function prepareCanary(plan: FederationPlan, name: string, attacks: readonly Trace[]) {
  const attackSet = join(plan.folder, name, 'attacks.tsv.gz');
  await writeTraces(attackSet, name, attacks, 'attack');
  await writeFile(sensorFile(plan, name), '');
  return {
    sources: [{ kind: 'tetragonFile', path: sensorFile(plan, name) }],
    agent: { attackSets: { [trackName]: attackSet }, shadowReportSeconds: 0.5 },
    // Some services have two dozen traces here: a threshold from few is rough, and better than none in a demonstration.
    scoring: { warmUp: 20, alertRate: 0.02 },
  };
}

/** What Tetragon would export in this cluster. */
function sensorFile(plan: FederationPlan, cluster: string): string {
  return join(plan.folder, cluster, 'tetragon.jsonl');
}

async function answering(url: string, member: Member): Promise<void> {
  for (;;) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok === true) return;
    await pauseWhileRunning([member]);
  }
}

/** A short pause; throws when a member has ended by itself, with what it said last. */
async function pauseWhileRunning(members: readonly Member[]): Promise<void> {
  const ended = members.find((member) => !member.running());
  if (ended !== undefined) throw new Error(`${ended.name} ended by itself:\n${await lastLines(ended)}`);
  await new Promise((resolve) => setTimeout(resolve, pollMs));
}
