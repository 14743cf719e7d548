import path from 'node:path';
import { unwrap } from '../../base/fault.ts';
import { makeLog } from '../../base/log.ts';
import { readConfigFile } from '../../coordinator/config/config.ts';
import { parseTrackPolicy } from '../../coordinator/config/policy.ts';
import { type Coordinator, startCoordinator } from '../../coordinator/coordinator.ts';
import type { JournalEvent } from '../../coordinator/ledger/journal/events.ts';
import { createTrack } from '../../coordinator/ledger/track-changes.ts';
import { enrolled } from '../../coordinator/testing/released-state.ts';
import { foundCoordinator, listenAnywhere } from '../../lab/rig/coordinator-process.ts';
import { type ClusterId, parseTrackId, type TrackId } from '../../proto/ids.ts';
import { bytesOfValues } from '../../proto/layout.ts';

export const trackNames = ['syscall', 'flow', 'api'].map(parseTrackId);
const actor = { kind: 'coordinator', part: 'identity' } as const;
const yearMs = 366 * 86_400_000;

export type Herd = Readonly<{ config: string; credentials: string }>;

/** A coordinator's folder, as `init` makes it, with so many members and three tracks that every member's agent runs. */
export async function foundHerd(testudo: string, folder: string, clusters: number): Promise<Herd> {
  const home = path.join(folder, 'herd');
  await foundCoordinator(testudo, home, { listen: listenAnywhere });
  const config = path.join(home, 'coordinator.yaml');
  const coordinator = unwrap(
    await startCoordinator(unwrap(readConfigFile(config, { environment: process.env })), { log: makeLog('silent') }),
  );
  try {
    for (const track of trackNames) await addTrack(coordinator, track);
    const names = Array.from({ length: clusters }, (_, at) => `cluster-${at}` as ClusterId);
    await commit(
      coordinator,
      names.flatMap((name) => enrolled(name).map(lasting)),
    );
    await commit(
      coordinator,
      trackNames.flatMap((track) => names.map((name) => acknowledged(coordinator, track, name))),
    );
  } finally {
    await coordinator.close();
  }
  return { config, credentials: path.join(home, 'operator.json') };
}

async function addTrack({ engine }: Coordinator, track: TrackId): Promise<void> {
  const spec = { architecture: `${track}/bench`, hyperparameters: {}, tensors: [{ name: 'w', shape: [16] }] };
  const policy = unwrap(parseTrackPolicy('aggregation: { f: 2 }\nschedule: { cron: "17 * * * *" }'));
  const published = new Promise<void>((resolve) => {
    const unfollow = engine.follow(({ event }) => {
      if (event.kind !== 'channelMoved' || event.track !== track || event.channel !== 'stable') return;
      unfollow();
      resolve();
    });
  });
  const modelDigest = unwrap(await engine.blobs.put(bytesOfValues(new Float32Array(16))));
  unwrap(await createTrack(engine, actor, { track, spec, policy, modelDigest, reason: 'bench' }));
  await published;
}

function lasting(event: JournalEvent): JournalEvent {
  if (event.kind === 'tokenMinted') return { ...event, expiresAtMs: Date.now() + yearMs };
  return event.kind === 'clusterEnrolled' ? { ...event, certificateExpiresAtMs: Date.now() + yearMs } : event;
}

function acknowledged({ registry }: Coordinator, track: TrackId, cluster: ClusterId): JournalEvent {
  const release = registry.release(track, 0);
  if (release === undefined) throw new Error(`${track} has no release`);
  const { manifestDigest } = release;
  const said = {
    outcome: 'installed',
    faultCode: '',
    pinsVersion: 0,
    reportedAtMs: Date.now(),
    signature: '',
  } as const;
  return { kind: 'releaseAcknowledged', cluster, track, version: 0, manifestDigest, ...said };
}

async function commit({ engine }: Coordinator, events: readonly JournalEvent[]): Promise<void> {
  unwrap(await engine.commit(actor, () => ({ ok: true, value: { events, value: undefined } })));
}
