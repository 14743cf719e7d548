import { layoutOf } from '../../proto/layout.ts';
import type { JournalEntry } from '../journal/entry.ts';
import type { Actor, JournalEvent } from '../journal/events.ts';
import { foldMembership } from './fold-membership.ts';
import { foldRound } from './fold-round.ts';
import { type MutableState, replaceTrack } from './mutable-state.ts';

/**
 * Folds one entry into the state: the only code that changes it, at a start and while running alike. Decisions were
 * made before the entry was written, so nothing is refused here: an entry that does not fit throws, since then the
 * journal and this build disagree about what it means.
 */
export function foldEntry(state: MutableState, { seq, atMs, actor, event }: JournalEntry): void {
  if (seq !== state.seq + 1) throw new Error(`fold: entry ${seq} does not follow ${state.seq}`);
  state.seq = seq;
  foldEvent(state, event, { seq, atMs, actor });
}

export type EntryContext = Readonly<{ seq: number; atMs: number; actor: Actor }>;

function foldEvent(state: MutableState, event: JournalEvent, context: EntryContext): void {
  switch (event.kind) {
    case 'coordinatorStarted':
      state.federation = event.federation;
      return;
    case 'trackCreated': {
      const { track, spec, schemaDigest, policy, modelDigest, reason } = event;
      const initial = {
        version: 0,
        digest: modelDigest,
        createdAtMs: context.atMs,
        round: null,
        provenance: null,
        optimiserState: null,
      };
      state.tracks.set(track, {
        track,
        spec,
        schemaDigest,
        modelBytes: layoutOf(spec).length * 4,
        policy,
        reason,
        models: [initial],
        headVersion: 0,
        servedUntilMs: context.atMs,
        rounds: new Map(),
        roundCount: 0,
        channels: new Map(),
      });
      return;
    }
    case 'policySet':
      replaceTrack(state, event.track, (track) => ({ ...track, policy: event.policy, reason: event.reason }));
      return;
    case 'headMoved':
      replaceTrack(state, event.track, (track) => ({ ...track, headVersion: event.version }));
      return;
    case 'channelMoved':
      replaceTrack(state, event.track, (track) => ({
        ...track,
        channels: new Map(track.channels).set(event.channel, event.version),
      }));
      return;
    case 'roundScheduled':
    case 'roundStepped':
    case 'effectsDone':
    case 'roundKeyDestroyed':
    case 'refused':
      foldRound(state, event, context);
      return;
    case 'tokenMinted':
    case 'tokenRevoked':
    case 'clusterEnrolled':
    case 'certificateRenewed':
    case 'clusterRevoked':
    case 'quarantineSet':
    case 'operatorAdded':
    case 'operatorRemoved':
      foldMembership(state, event, context);
      return;
    case 'pinSet': {
      const { kind: _, ...pin } = event;
      state.pins.set(pin.pinId, { ...pin, setBy: nameOf(context.actor), setAtMs: context.atMs });
      return;
    }
    case 'pinRemoved':
      state.pins.delete(event.pinId);
      return;
    case 'freezeSet': {
      const { kind: _, ...freeze } = event;
      state.freezes.set(freeze.freezeId, { ...freeze, setBy: nameOf(context.actor) });
      return;
    }
    case 'freezeLifted':
      state.freezes.delete(event.freezeId);
      return;
    case 'releaseAcknowledged': // Kept in the journal; registry/ folds what it needs of it.
      return;
  }
}

/** How an actor is named to people. */
function nameOf(actor: Actor): string {
  switch (actor.kind) {
    case 'operator':
      return actor.name;
    case 'cluster':
      return actor.cluster;
    case 'stranger':
      return actor.address;
    case 'coordinator':
      return 'coordinator';
  }
}
