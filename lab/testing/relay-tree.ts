import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { makeLog } from '../../base/log.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { parseAddress } from '../../client/link/address.ts';
import type { ClusterIdentity } from '../../client/link/identity-store.ts';
import { openCoordinatorKeys } from '../../coordinator/keys/coordinator-keys.ts';
import { placeInFolder } from '../../coordinator/keys/key-place.ts';
import type { Round } from '../../coordinator/ledger/state/state.ts';
import { Membership } from '../../coordinator/members/membership.ts';
import { Registry } from '../../coordinator/registry/registry.ts';
import type { TrackPolicy } from '../../coordinator/round/policy.ts';
import type { Engine } from '../../coordinator/rounds/engine.ts';
import { type Invitation, sealDelta, seededValues } from '../../coordinator/testing/sealed-delta.ts';
import { submit } from '../../coordinator/testing/small-client.ts';
import {
  policy as krumPolicy,
  openSmallFederation,
  operator,
  track,
  valueCount,
} from '../../coordinator/testing/small-federation.ts';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import { until } from '../../coordinator/testing/wait.ts';
import type { ClusterId, FederationId } from '../../proto/ids.ts';
import type { RelayConfig } from '../../relay/config.ts';
import { Parent, type ParentParts } from '../../relay/parent.ts';
import { serveInProcess } from '../in-process/coordinator.ts';
import { enrolInProcess } from '../in-process/enrol.ts';

const hourMs = 3_600_000;
const timers = systemTimers;
/** Where nobody listens. */
const nowhere = unwrap(parseAddress('127.0.0.1:1'));

/** The mean of so many updates, and a quorum of all of them: what comes out can be computed by hand. */
export function meanOf(updates: number, more: Partial<TrackPolicy> = {}): TrackPolicy {
  return {
    ...krumPolicy,
    aggregation: {
      f: 0,
      admission: { normMax: 1e6, zeroUpdate: 'refuse' },
      before: [],
      rule: { kind: 'trimmedMean' },
    } as TrackPolicy['aggregation'],
    rounds: { ...krumPolicy.rounds, quorum: { kind: 'count', updates } },
    optimiser: { kind: 'plain', learningRate: 1 },
    ...more,
  };
}

export type Node = Awaited<ReturnType<typeof openNode>>;

/** A coordinator's engine and registry on real files, and ways to them without sockets. Closed when the test ends. */
export async function openNode(
  federation: string,
  policy: TrackPolicy,
  members: readonly ClusterId[] = [],
  dataDir = join(tempDir(), 'data'),
) {
  const id = federation as FederationId;
  const keys = unwrap(await openCoordinatorKeys(placeInFolder(dataDir), id, 'a master key', timers.now()));
  const engine = await openSmallFederation(dataDir, { federation: id, keyStore: keys.vault, members, policy });
  const times = { timestampLifeMs: 24 * hourMs, timestampEveryMs: hourMs, catalogueLifeMs: 7 * 24 * hourMs };
  const registry = unwrap(await Registry.open({ store: engine, vault: keys.vault, build: 'test', timers, times }));
  const membership = new Membership(engine, keys.authority, { clusterMs: hourMs, operatorMs: hourMs }, timers.now);
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= registry.close().then(() => engine.close());
    return closing;
  };
  onTestFinished(close);
  const enrol = (cluster: ClusterId) =>
    enrolInProcess(cluster, { federation: id, membership, keys, by: operator, nowMs: timers.now() });
  return { dataDir, engine, registry, enrol, close, ...serveInProcess({ engine, registry, keys, timers }) };
}

/** A region's side to its parent. `folder`: of an earlier run. */
export async function openParent(
  region: Node,
  parent: Node,
  identity: ClusterIdentity,
  more: Partial<ParentParts> = {},
  folder = tempDir(),
): Promise<Parent> {
  const config: RelayConfig = {
    coordinator: '',
    parent: { addresses: [nowhere], silenceSecondsMax: 75, reconnectSecondsMax: 0.05 },
    joinToken: undefined,
    dataDirectory: folder,
    dataKey: { kind: 'beside' },
    health: { listen: '127.0.0.1:0' },
    tracks: [track],
  };
  const reached = { identity, toRounds: parent.connectToRounds, toReleases: parent.connectToReleases };
  const { engine, registry } = region;
  const parts = { config, region: engine, registry, log: makeLog('silent'), timers, reached, ...more };
  const opened = unwrap(await Parent.open(parts));
  onTestFinished(() => opened.close());
  return opened;
}

/** A cluster's delta: its own, the same in every round. */
export function deltaOf(cluster: ClusterId): Float32Array {
  return seededValues(Buffer.from(cluster).reduce((sum, byte) => sum * 31 + byte, 7) % 1_000_003, valueCount);
}

/** Clusters that are there, and answer every invitation once `gate` is open; a round that has closed by then is left. */
export function answering(
  engine: Engine,
  clusters: readonly ClusterId[],
  gate: Promise<void> = Promise.resolve(),
): void {
  for (const cluster of clusters) {
    const answer = async (invitation: Invitation) => {
      await gate;
      const submitted = await submit(engine, await sealDelta(invitation, cluster, deltaOf(cluster)));
      if (!submitted.ok && submitted.fault.code !== 'ROUND_CLOSED') unwrap(submitted);
    };
    const joined = engine.join(cluster, [track], (directive) => {
      if (directive.kind === 'invitation') void answer(directive);
    });
    for (const directive of joined.current) if (directive.kind === 'invitation') void answer(directive);
    onTestFinished(() => joined.leave());
  }
}

/** Resolves with a round of the track once it has ended. */
export function ended(engine: Engine, id: string): Promise<Round> {
  return until(engine, () => {
    const round = [...(engine.state().tracks.get(track)?.rounds.values() ?? [])].find(({ round: name }) => name === id);
    return round?.phase.kind === 'candidate' || round?.phase.kind === 'abandoned' ? round : undefined;
  });
}

export async function weightsOf({ engine }: Pick<Node, 'engine'>, version: number): Promise<Float32Array> {
  const model = engine.state().tracks.get(track)?.models[version];
  if (model === undefined) throw new RangeError(`there is no version ${version}`);
  const bytes = unwrap(await engine.blobs.get(model.digest));
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

export const clustersOf = (region: string): readonly ClusterId[] =>
  [1, 2, 3].map((number) => `${region}-${number}` as ClusterId);
