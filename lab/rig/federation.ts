import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse as parseYaml, stringify as stringifyYaml } from 'yaml';
import { unwrap } from '../../base/fault.ts';
import type { Trace } from '../../client/events/trace.ts';
import { openFileBlobStore } from '../../coordinator/blobs/file-blob-store.ts';
import { readCredentials } from '../../coordinator/keys/operator-credentials.ts';
import { type GetRoundResponse, RoundPhase } from '../../proto/generated/testudo/v1/operator.ts';
import type { ClusterInstall, GetGateResponse } from '../../proto/generated/testudo/v1/operator_releases.ts';
import { parseDigest } from '../../proto/ids.ts';
import { bytesOfValues, layoutOf, valuesOfBytes } from '../../proto/layout.ts';
import { specBytes } from '../../proto/model-spec.ts';
import { appendTetragon } from '../data/tetragon-writer.ts';
import { type CanaryDesk, canaryDesk } from './canary-desk.ts';
import { sensorFile, startCluster } from './cluster-process.ts';
import { foundCoordinator, listenAnywhere, startCoordinatorProcess } from './coordinator-process.ts';
import { lastLines, type Member, pauseWhileRunning, startMember } from './member.ts';
import { connectOperator } from './operator.ts';
import { type FederationPlan, type FederationTrack, type TrackStart, trackName } from './plan.ts';

/** A coordinator and its clusters, each a process of its own on this machine, speaking mutual TLS over loopback. */
export type Federation = Readonly<{
  id: string;
  /** Resolves when every cluster has enrolled and watches. */
  ready(onProgress: (connected: number) => void): Promise<void>;
  /** Opens a round and follows it to its end. */
  round(onProgress: (progress: GetRoundResponse) => void, track?: FederationTrack): Promise<GetRoundResponse>;
  readonly clusters: readonly string[];
  readonly specFile: string;
  /** A verb of the operator's, run as a person would type it, in a process of its own. Throws what it said when it fails. */
  command(words: readonly string[]): Promise<void>;
  /** As `command`, one that needs no coordinator. */
  offlineCommand(words: readonly string[]): Promise<void>;
  /** What every cluster's agent made of a version. */
  installs(track: string, version: number): Promise<readonly ClusterInstall[]>;
  gate(track: string, version: number): Promise<GetGateResponse>;
  /** A canary's sensor sees these traces now. */
  observe(cluster: string, traces: readonly Trace[]): Promise<void>;
  /** What a person at a canary sees and says. */
  desk(canary: string): CanaryDesk;
  /** Where the coordinator keeps the bytes of a digest. */
  blobPath(digest: string): string;
  /** Asks again and again until there is an answer; throws when a process has ended by itself meanwhile. */
  until<Value>(ask: () => Promise<Value | undefined | false>): Promise<Value>;
  /** Its process alone: killed without a word, and started again where it was, with what it had on disk. */
  readonly coordinator: Readonly<{ kill(): Promise<void>; start(): Promise<void> }>;
  /** Clusters that the coordinator says are connected now. */
  connected(): Promise<number>;
  /** A model that came out of a round, by its digest. */
  model(digest: string, track?: FederationTrack): Promise<Float32Array>;
  stop(): Promise<void>;
}>;

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
  const starts = [
    [trackName, plan.syscall] as const,
    ...(plan.flow === undefined ? [] : [['flow', plan.flow] as const]),
  ];
  const tracks = starts.map(([id]) => trackEntry(id));
  const id = await foundCoordinator(plan.testudo, folder, { listen: listenAnywhere, tracks });
  await Promise.all(starts.map(([id, start]) => writeTrack(folder, id, start)));
  const config = join(folder, 'coordinator.yaml');
  const start = { testudo: plan.testudo, config, logFile: join(plan.folder, 'coordinator.log') };
  let { member, addresses } = await startCoordinatorProcess(start);
  members.push(member);

  const credentials = join(folder, 'operator.json');
  const operator = connectOperator(unwrap(await readCredentials(credentials)), addresses.federation);
  for (const [name, traces] of plan.clusters) {
    members.push(await startCluster(plan, { name, traces }, operator, addresses));
  }
  const desks = new Map([...plan.canaries.keys()].map((name) => [name, canaryDesk(plan, name, trackName)]));
  const blobs = await openFileBlobStore(join(folder, 'data'));
  let seenTraces = 0;
  const until: Federation['until'] = async (question) => {
    for (;;) {
      const answer = await question();
      if (answer !== undefined && answer !== false) return answer;
      await pauseWhileRunning(members);
    }
  };
  const connectedCount = async () => {
    const { clusters } = await operator.call(operator.client.listClusters, { page: { size: 500, token: '' } });
    return clusters.filter((cluster) => cluster.connected).length;
  };
  const run = async (words: readonly string[], reached: readonly string[]) => {
    const args = [plan.testudo, ...words, ...reached];
    const verb = await startMember({ name: words[0] ?? '', args, logFile: join(plan.folder, 'operator.log') });
    await verb.exited;
    if (verb.exitCode() !== 0) throw new Error(`testudo ${words.join(' ')}:\n${await lastLines(verb)}`);
  };
  return {
    id,
    clusters: [...plan.clusters.keys()],
    specFile: join(folder, trackName, 'spec.json'),
    until,
    blobPath: (digest) => blobs.path(parseDigest(digest)),
    command: (words) => run(words, ['--credentials', credentials, '--address', addresses.federation]),
    offlineCommand: (words) => run(words, []),
    async installs(track, version) {
      const request = { track, version: BigInt(version) };
      const { installs } = await operator.call(operator.client.getRelease, request);
      return installs;
    },
    gate: (track, version) => operator.call(operator.client.getGate, { track, version: BigInt(version) }),
    desk(canary) {
      const desk = desks.get(canary);
      if (desk === undefined) throw new RangeError(`${canary} is no canary: it sees nothing live`);
      return desk;
    },
    async observe(cluster, traces) {
      await appendTetragon(sensorFile(plan, cluster), traces, seenTraces);
      seenTraces += traces.length;
    },
    coordinator: {
      async kill() {
        members.splice(members.indexOf(member), 1);
        member.kill();
        await member.exited;
      },
      async start() {
        // Its clusters and its operator know where it was.
        const settings = parseYaml(await readFile(config, 'utf8')) as object;
        await writeFile(config, stringifyYaml({ ...settings, listen: addresses }));
        ({ member, addresses } = await startCoordinatorProcess(start));
        members.push(member);
      },
    },
    connected: connectedCount,
    async ready(onProgress) {
      await until(async () => {
        const connected = await connectedCount();
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

/** A track as the coordinator's configuration names it. */
function trackEntry(id: FederationTrack) {
  return { id, spec: `./${id}/spec.json`, model: `./${id}/model.bin`, policy: `./${id}/policy.json` };
}

/** A track's files, in a folder of their own. */
async function writeTrack(folder: string, id: FederationTrack, { spec, initialModel, policy }: TrackStart) {
  await mkdir(join(folder, id));
  await writeFile(join(folder, id, 'spec.json'), specBytes(spec));
  await writeFile(join(folder, id, 'model.bin'), bytesOfValues(initialModel));
  await writeFile(join(folder, id, 'policy.json'), JSON.stringify(policy));
}
