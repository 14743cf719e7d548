import type { TrackId } from '../../../proto/ids.ts';
import type { ReleaseEvent } from '../journal/events.ts';
import { type EntryContext, type MutableState, replaceTrack } from './mutable-state.ts';
import { nameOf } from './name-of.ts';
import { type AgentState, agentKey, type GateState, type MetadataState, type TrackReleasing } from './releasing.ts';
import type { Track } from './state.ts';

export function foldRelease(state: MutableState, event: ReleaseEvent, context: EntryContext): void {
  if (changesSet.has(event.kind)) changeMetadata(state, () => ({ changedSeq: context.seq }));
  switch (event.kind) {
    case 'releaseImported':
      replaceTrack(state, event.track, (track) => withImportedModel(track, event));
      publish(state, event, context);
      return;
    case 'releasePublished':
      publish(state, event, context);
      return;
    case 'releaseRetired':
    case 'releaseRestored': {
      const retired = event.kind === 'releaseRetired';
      changeReleasing(state, event.track, ({ releases }) => ({
        releases: releases.map((release) => (release.version === event.version ? { ...release, retired } : release)),
      }));
      return;
    }
    case 'channelMoved': {
      const { track, channel, version, shadows } = event;
      changeReleasing(state, track, ({ channels, gates, stableHistory }) => ({
        channels: { ...channels, [channel]: { version, shadows, movedSeq: context.seq, movedAtMs: context.atMs } },
        stableHistory: channel === 'stable' ? [...stableHistory, version] : stableHistory,
        gates: channel === 'canary' && gates[version] === undefined ? withGate(gates, version, context) : gates,
      }));
      return;
    }
    case 'channelRemoved':
      changeReleasing(state, event.track, ({ channels: { [event.channel]: _, ...channels } }) => ({ channels }));
      return;
    case 'floorRaised':
      changeReleasing(state, event.track, ({ floor }) => {
        if (event.floor < floor) throw new Error(`fold: the floor of ${event.track} falls`);
        return { floor: event.floor };
      });
      return;
    case 'releaseRevoked':
      changeReleasing(state, event.track, ({ revoked }) => ({
        revoked: [...new Set([...revoked, event.version])].sort((a, b) => a - b),
      }));
      return;
    case 'assignmentsSet':
      changeMetadata(state, () => ({ assignments: event.assignments }));
      return;
    case 'rootPublished':
      changeMetadata(state, ({ roots }) => {
        if (event.root.version !== roots.length + 1) throw new Error(`fold: root ${event.root.version} out of turn`);
        return { roots: [...roots, event.root] };
      });
      return;
    case 'pinsProposed':
      changeMetadata(state, () => ({ pendingPins: { ...event.pins, signers: event.signers } }));
      return;
    case 'pinsPublished':
      changeMetadata(state, ({ pins }) => {
        if (event.pins.version <= (pins?.version ?? 0)) throw new Error(`fold: pins ${event.pins.version} out of turn`);
        return { pins: { ...event.pins, signers: event.signers }, pendingPins: null };
      });
      return;
    case 'releaseSetSigned': {
      const { catalogue, snapshot, timestamp, coversSeq } = event;
      changeMetadata(state, ({ set }) => {
        const grew = timestamp.version > (set?.timestamp.version ?? 0);
        const kept = catalogue.version >= (set?.catalogue.version ?? 0);
        if (!grew || !kept) throw new Error(`fold: a signed set goes back in versions`);
        return { set: { catalogue, snapshot, timestamp, coversSeq } };
      });
      return;
    }
    case 'releaseAcknowledged':
      acknowledge(state, event, context);
      return;
    case 'shadowReported':
      changeGate(state, event.track, event.version, ({ reports }) => ({
        reports: { ...reports, [event.report.cluster]: { ...event.report, sequence: context.seq } },
      }));
      return;
    case 'gateDecided': {
      const { decision, reasons } = event;
      changeGate(state, event.track, event.version, () => ({
        decision: { decision, reasons, by: nameOf(context.actor), atMs: context.atMs },
        approvals: [],
      }));
      return;
    }
    case 'gateOverrideAsked': {
      const approval = {
        decision: event.decision,
        by: nameOf(context.actor),
        reason: event.reason,
        atMs: context.atMs,
      };
      changeGate(state, event.track, event.version, ({ approvals }) => ({ approvals: [...approvals, approval] }));
      return;
    }
  }
}

/** Entries after which the catalogue, or the pins beside it, must be signed anew. */
const changesSet: ReadonlySet<ReleaseEvent['kind']> = new Set<ReleaseEvent['kind']>([
  'releasePublished',
  'releaseImported',
  'releaseRetired',
  'releaseRestored',
  'channelMoved',
  'channelRemoved',
  'floorRaised',
  'releaseRevoked',
  'assignmentsSet',
  'rootPublished',
  'pinsPublished',
]);

function publish(
  state: MutableState,
  event: Extract<ReleaseEvent, { kind: 'releasePublished' | 'releaseImported' }>,
  { seq }: EntryContext,
): void {
  const { track, manifest, manifestDigest, manifestBytes } = event;
  const { version } = manifest;
  changeReleasing(state, track, ({ releases }) => {
    if (version <= (releases.at(-1)?.version ?? -1)) throw new Error(`fold: ${track} ${version} is released twice`);
    const release = { track, version, manifest, manifestDigest, manifestBytes, publishedSeq: seq, retired: false };
    return { releases: [...releases, release] };
  });
}

/** The imported model is the track's newest; the next round starts from it if it would have started from its base. */
function withImportedModel(track: Track, { manifest }: Extract<ReleaseEvent, { kind: 'releaseImported' }>): Track {
  const { version, createdAtMs, round, base, files } = manifest;
  if (version !== track.models.length) throw new Error(`fold: version ${version} of ${track.track} out of turn`);
  const digestOf = (name: string) => files.find((file) => file.name === name)?.digest ?? null;
  const digest = digestOf('weights.bin');
  if (digest === null) throw new Error(`fold: the imported release ${version} has no weights`);
  const model = { version, digest, createdAtMs, round, provenance: digestOf('provenance.json'), optimiserState: null };
  return {
    ...track,
    models: [...track.models, model],
    headVersion: track.headVersion === base?.version ? version : track.headVersion,
  };
}

function acknowledge(
  state: MutableState,
  event: Extract<ReleaseEvent, { kind: 'releaseAcknowledged' }>,
  { seq }: EntryContext,
): void {
  const { cluster, track, version, outcome, faultCode, pinsVersion, reportedAtMs } = event;
  const before = state.agents.get(agentKey(cluster, track));
  const runs = outcome === 'installed' || outcome === 'kept';
  const agent: AgentState = {
    cluster,
    track,
    liveVersion: runs ? version : (before?.liveVersion ?? null),
    shadowVersion:
      outcome === 'shadowing' ? version : runs ? shadowAfter(before, version) : (before?.shadowVersion ?? null),
    refused: outcome === 'refused' ? { version, faultCode } : runs ? null : (before?.refused ?? null),
    pinsVersion,
    reportedAtMs,
    sequence: seq,
    lastReport: reportOf(event),
  };
  state.agents.set(agentKey(cluster, track), agent);
}

/** A version that went live is no longer in shadow. */
function shadowAfter(before: AgentState | undefined, liveVersion: number): number | null {
  const shadow = before?.shadowVersion ?? null;
  return shadow === liveVersion ? null : shadow;
}

/** What a report says, without when: the same again need not be written again. */
export function reportOf(
  event: Readonly<{ version: number; manifestDigest: string; outcome: string; faultCode: string; pinsVersion: number }>,
): string {
  const { version, manifestDigest, outcome, faultCode, pinsVersion } = event;
  return [version, manifestDigest, outcome, faultCode, pinsVersion].join(' ');
}

function withGate(gates: TrackReleasing['gates'], version: number, { atMs }: EntryContext): TrackReleasing['gates'] {
  return { ...gates, [version]: { version, openedAtMs: atMs, reports: {}, decision: null, approvals: [] } };
}

function changeGate(
  state: MutableState,
  track: TrackId,
  version: number,
  change: (gate: GateState) => Partial<GateState>,
): void {
  changeReleasing(state, track, ({ gates }) => {
    const gate = gates[version];
    if (gate === undefined) throw new Error(`fold: ${track} ${version} never was in front of the gate`);
    return { gates: { ...gates, [version]: { ...gate, ...change(gate) } } };
  });
}

function changeReleasing(
  state: MutableState,
  track: TrackId,
  change: (releasing: TrackReleasing) => Partial<TrackReleasing>,
): void {
  replaceTrack(state, track, (known) => ({
    ...known,
    releasing: { ...known.releasing, ...change(known.releasing) },
  }));
}

function changeMetadata(state: MutableState, change: (metadata: MetadataState) => Partial<MetadataState>): void {
  state.metadata = { ...state.metadata, ...change(state.metadata) };
}
