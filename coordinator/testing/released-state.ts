import { digestOf } from '../../proto/digest.ts';
import type { ClusterId, Digest, FederationId, TrackId } from '../../proto/ids.ts';
import type { ReleaseManifest } from '../../proto/release/documents/manifest.ts';
import type { Actor, JournalEvent, Labels } from '../ledger/journal/events.ts';
import { emptyState } from '../ledger/state/mutable-state.ts';
import type { State } from '../ledger/state/state.ts';
import { stateAfter } from '../registry/decide/effects.ts';
import type { GatePolicy, TrackPolicy } from '../round/policy.ts';
import { policy } from './small-federation.ts';

export const track = 'syscall' as TrackId;
export const ada: Actor = { kind: 'operator', name: 'ada', role: 'admin' };
export const bob: Actor = { kind: 'operator', name: 'bob', role: 'operator' };
const spec = { architecture: 'test/1', hyperparameters: {}, tensors: [{ name: 'w', shape: [1] }] };

export const gatePolicy: GatePolicy = {
  clustersMin: 2,
  scoredMin: 100,
  agreementMin: 0.9,
  recallDropMax: 0.1,
  alertsPerDayMax: 10,
  minutesMin: 0,
  hoursMax: 24,
  approvals: 1,
};

export const trackCreated: Extract<JournalEvent, { kind: 'trackCreated' }> = {
  kind: 'trackCreated',
  track,
  spec,
  schemaDigest: digestOf(Buffer.from('spec')),
  policy,
  modelDigest: weightsOf(0),
  reason: 'test',
};

/** A state with one track and its first model; nothing is released yet. */
export function newState(more: Partial<TrackPolicy> = {}): State {
  return eventsAfter(emptyState(), [
    { kind: 'coordinatorStarted', federation: 'herd' as FederationId, build: 'test' },
    { ...trackCreated, policy: { ...policy, ...more } },
  ]);
}

/** The state after events, as if they were journalled at that time. */
export function eventsAfter(state: State, events: readonly JournalEvent[], atMs = 0, actor: Actor = ada): State {
  return stateAfter(state, actor, atMs, events);
}

export function weightsOf(version: number): Digest {
  return digestOf(Buffer.from(`weights ${version}`));
}

/** Released as a round's candidate would be: on the model that training started from, unless another base is given. */
export function released(state: State, version: number, base = version - 1): readonly JournalEvent[] {
  const manifest: ReleaseManifest = {
    format: 'testudo/release/1',
    federation: 'herd' as FederationId,
    track,
    version,
    base: version === 0 ? null : { version: base, digest: weightsOf(base) },
    round: null,
    schemaDigest: digestOf(Buffer.from('spec')),
    createdAtMs: 0,
    build: 'test',
    files: [{ name: 'weights.bin', digest: weightsOf(version), bytes: 4 }],
  };
  const known = (state.tracks.get(track)?.models.length ?? 0) > version;
  const kind = known ? 'releasePublished' : 'releaseImported';
  const manifestDigest = digestOf(Buffer.from(`manifest ${version}`));
  return [{ kind, track, manifest, manifestDigest, manifestBytes: 300 }];
}

export function enrolled(cluster: string, labels: Labels = {}): readonly JournalEvent[] {
  const id = cluster as ClusterId;
  const token = { tokenId: `t-${cluster}`, cluster: id, labels };
  return [
    { kind: 'tokenMinted', ...token, secretDigest: digestOf(Buffer.from(cluster)), expiresAtMs: 1 },
    { kind: 'clusterEnrolled', ...token, signingKey: '', certificateSerial: cluster, certificateExpiresAtMs: 1 },
  ];
}
