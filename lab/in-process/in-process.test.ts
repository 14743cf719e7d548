import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { ok, unwrap } from '../../base/fault.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { parseAddress } from '../../client/link/address.ts';
import type { ClusterIdentity } from '../../client/link/identity-store.ts';
import { type AgentEvent, defaultAgentTimes } from '../../client/releases/agent-ports.ts';
import { StoredModels } from '../../client/releases/hosts/stored-models.ts';
import { ReleaseAgent } from '../../client/releases/release-agent.ts';
import { ModelCache } from '../../client/rounds/model-cache.ts';
import { Outbox } from '../../client/rounds/outbox.ts';
import { Uplink } from '../../client/rounds/participant.ts';
import { defaultUplinkTimes } from '../../client/rounds/participant-config.ts';
import { openCoordinatorKeys } from '../../coordinator/keys/coordinator-keys.ts';
import { placeInFolder } from '../../coordinator/keys/key-place.ts';
import { Membership } from '../../coordinator/members/membership.ts';
import { Registry } from '../../coordinator/registry/registry.ts';
import { deltaOf } from '../../coordinator/testing/small-client.ts';
import {
  clusters,
  federation,
  openSmallFederation,
  operator,
  track,
} from '../../coordinator/testing/small-federation.ts';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import { roundEnd } from '../../coordinator/testing/wait.ts';
import { sealFileSync } from '../../proto/envelope/files/sealed-file.ts';
import type { ClusterId } from '../../proto/ids.ts';
import { bytesOfValues } from '../../proto/layout.ts';
import { type InProcessCoordinator, serveInProcess } from './coordinator.ts';
import { enrolInProcess } from './enrol.ts';

const hourMs = 3_600_000;
const timers = systemTimers;
/** Where nobody listens. */
const nowhere = unwrap(parseAddress('127.0.0.1:1'));

/** The real engine and the real registry, and a way to them that is neither gRPC nor a socket. */
async function openCoordinator() {
  const dataDir = join(tempDir(), 'data');
  const keys = unwrap(await openCoordinatorKeys(placeInFolder(dataDir), federation, 'a master key', timers.now()));
  const engine = await openSmallFederation(dataDir, { keyStore: keys.vault, members: [] });
  onTestFinished(() => engine.close());
  const times = { timestampLifeMs: 24 * hourMs, timestampEveryMs: hourMs, catalogueLifeMs: 7 * 24 * hourMs };
  const registry = unwrap(await Registry.open({ store: engine, vault: keys.vault, build: 'test', timers, times }));
  onTestFinished(() => registry.close());
  const membership = new Membership(engine, keys.authority, { clusterMs: hourMs, operatorMs: hourMs }, timers.now);
  const enrol = (cluster: ClusterId) =>
    enrolInProcess(cluster, { federation, membership, keys, by: operator, nowMs: timers.now() });
  return { engine, registry, enrol, ...serveInProcess({ engine, registry, keys, timers }) };
}

async function participant(connect: InProcessCoordinator['connectToRounds'], identity: ClusterIdentity) {
  const folder = tempDir();
  const reports: string[] = [];
  const uplink = await Uplink.start(
    {
      addresses: [nowhere],
      connect,
      tracks: [track],
      learns: () => true,
      clientBuild: 'test',
      identity,
      modelsOf: () => new ModelCache(join(folder, 'models')),
      outbox: new Outbox(join(folder, 'outbox')),
      times: defaultUplinkTimes,
    },
    {
      train: async ({ round }, { base: basePath }) => {
        expect((await readFile(basePath)).length).toBe(1_200);
        return ok({ delta: deltaOf(identity.cluster, round), exampleCount: 42 });
      },
      seal: async ({ values, sealedPath, context, roundPublicKey }) => {
        const plainPath = join(folder, 'plain');
        await writeFile(plainPath, bytesOfValues(values));
        return sealFileSync({ plainPath, sealedPath, context, roundPublicKey });
      },
      recover: async () => ({ kind: 'inForce', coordinatorNowMs: timers.now() }),
      saveIdentity: async () => undefined,
      unit: () => 0.5,
      timers,
      report: ({ kind }) => reports.push(kind),
    },
  );
  onTestFinished(() => uplink.close());
  return reports;
}

async function agent(connect: InProcessCoordinator['connectToReleases'], identity: ClusterIdentity) {
  const waiting = new Set<() => void>();
  const events: AgentEvent[] = [];
  const opened = await ReleaseAgent.open(
    {
      folder: tempDir(),
      addresses: [nowhere],
      connect,
      hosts: new Map([[track, new StoredModels()]]),
      keepReleases: 2,
      trustAnchor: undefined,
      labels: undefined,
      times: defaultAgentTimes,
    },
    {
      report: (event) => {
        events.push(event);
        for (const look of waiting) look();
      },
      unit: () => 0.5,
      timers,
    },
  );
  onTestFinished(() => opened.close());
  opened.connect(() => identity);
  const until = (isIt: (event: AgentEvent) => boolean) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (!events.some(isIt)) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
  return { agent: opened, events, until };
}

it('participants and agents bring a round to a release that runs, with no socket between them and the coordinator', async () => {
  const listening = vi.spyOn(createServer().constructor.prototype, 'listen');
  onTestFinished(() => listening.mockRestore());
  const { engine, enrol, connectToRounds, connectToReleases } = await openCoordinator();
  const identities = await Promise.all(clusters.map(enrol));
  const reports = await Promise.all(identities.map((identity) => participant(connectToRounds, identity)));
  const first = await agent(connectToReleases, identities[0] as ClusterIdentity);
  await first.until((event) => event.kind === 'acknowledged' && event.report.version === 0);
  expect(first.agent.liveVersion(track)).toBe(0);

  unwrap(await engine.openRound(operator, { track, reason: 'test' }));
  const { phase } = await roundEnd(engine, 'r-1');
  expect(phase).toMatchObject({ kind: 'candidate' });
  // The candidate of these deltas, whatever carries them: see the contract of backends.
  expect(engine.state().tracks.get(track)?.models[1]?.digest).toBe(
    'sha256:1e70e39127ec9cf2222281ce1ac455b895963eb9ef62736835ce9cdde58650d9',
  );
  expect(reports.flat().filter((kind) => kind === 'kept')).toHaveLength(clusters.length);

  await first.until((event) => event.kind === 'acknowledged' && event.report.version === 1);
  expect(first.agent.liveVersion(track)).toBe(1);
  expect(first.events.filter(({ kind }) => kind === 'refused')).toEqual([]);
  expect(engine.state().agents.get(`${clusters[0]}/${track}`)).toMatchObject({ liveVersion: 1 });
  // Who comes later gets the newest at once.
  const second = await agent(connectToReleases, identities[1] as ClusterIdentity);
  await second.until((event) => event.kind === 'installed');
  expect(second.agent.liveVersion(track)).toBe(1);
  expect(listening).not.toHaveBeenCalled();
});
