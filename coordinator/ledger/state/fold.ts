import { layoutOf } from '../../../proto/layout.ts';
import { setRightAfter } from '../../round/schedule/served-until.ts';
import type { JournalEntry } from '../journal/entry.ts';
import type { JournalEvent, KnownAntibody } from '../journal/events.ts';
import { foldMembership } from './fold-membership.ts';
import { foldRelease } from './fold-release.ts';
import { foldResponse } from './fold-response.ts';
import { foldRound } from './fold-round.ts';
import { type EntryContext, type MutableState, replaceTrack } from './mutable-state.ts';
import { nameOf } from './name-of.ts';
import { noReleasing } from './releasing.ts';

/**
 * Folds one entry into the state: the only code that changes it, at a start and while running alike. Decisions were
 * made before the entry was written, so nothing is refused here: an entry that does not fit throws, since then the
 * journal and this build disagree about what it means.
 */
export function foldEntry(state: MutableState, { seq, atMs, actor, event }: JournalEntry): void {
  if (seq !== state.seq + 1) throw new Error(`fold: entry ${seq} does not follow ${state.seq}`);
  state.seq = seq;
  foldEvent(state, event, { seq, atMs, actor });
  for (const [id, track] of state.tracks) {
    const setRightAtMs = setRightAfter(track, atMs);
    if (setRightAtMs !== track.setRightAtMs) state.tracks.set(id, { ...track, setRightAtMs });
  }
}

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
        declaredPolicy: isDeclared(context) ? policy : null,
        reason,
        samples: [],
        antibodies: [],
        standings: {},
        models: [initial],
        headVersion: 0,
        servedUntilMs: context.atMs,
        rounds: new Map(),
        roundCount: 0,
        releasing: noReleasing,
      });
      return;
    }
    case 'policySet': {
      const { track: id, policy, reason } = event;
      const declared = isDeclared(context) ? { declaredPolicy: policy } : {};
      replaceTrack(state, id, (track) => ({ ...track, ...declared, policy, reason }));
      return;
    }
    case 'samplePut': {
      const { kind: _, track: id, ...put } = event;
      replaceTrack(state, id, (track) => {
        if (put.version !== track.samples.length + 1)
          throw new Error(`fold: sample ${put.version} of ${id} out of turn`);
        return { ...track, samples: [...track.samples, { ...put, putAtMs: context.atMs }] };
      });
      return;
    }
    case 'antibodyPut': {
      const { kind: _, track: id, ...put } = event;
      const known: KnownAntibody = { ...put, putAtMs: context.atMs, revoked: null };
      replaceTrack(state, id, (track) => ({ ...track, antibodies: [...track.antibodies, known] }));
      return;
    }
    case 'antibodyRevoked':
      replaceTrack(state, event.track, (track) => ({
        ...track,
        antibodies: track.antibodies.map((one) =>
          one.digest === event.digest ? { ...one, revoked: event.reason } : one,
        ),
      }));
      return;
    case 'headMoved':
      replaceTrack(state, event.track, (track) => ({ ...track, headVersion: event.version }));
      return;
    case 'roundScheduled':
    case 'roundStepped':
    case 'effectsDone':
    case 'standingsNoted':
    case 'roundKeyDestroyed':
    case 'inputKeysKept':
    case 'inputKeysDestroyed':
    case 'refused':
      foldRound(state, event, context);
      return;
    case 'tokenMinted':
    case 'tokenRevoked':
    case 'clusterEnrolled':
    case 'certificateRenewed':
    case 'clusterRejoined':
    case 'clusterRevoked':
    case 'quarantineSet':
    case 'labelsSet':
    case 'classesApproved':
    case 'operatorAdded':
    case 'operatorRemoved':
    case 'doorAdded':
    case 'doorRenewed':
    case 'doorRevoked':
      foldMembership(state, event, context);
      return;
    case 'replayStarted': // Kept in the journal: who opened what again, and what came of it.
    case 'roundReplayed':
      return;
    case 'freezeSet': {
      const { kind: _, ...freeze } = event;
      state.freezes.set(freeze.freezeId, { ...freeze, setBy: nameOf(context.actor) });
      return;
    }
    case 'freezeLifted':
      state.freezes.delete(event.freezeId);
      return;
    case 'releasePublished':
    case 'releaseImported':
    case 'releaseRetired':
    case 'releaseRestored':
    case 'channelMoved':
    case 'channelRemoved':
    case 'floorRaised':
    case 'releaseRevoked':
    case 'assignmentsSet':
    case 'rootPublished':
    case 'pinsProposed':
    case 'pinsPublished':
    case 'releaseSetSigned':
    case 'releaseAcknowledged':
    case 'shadowReported':
    case 'gateDecided':
    case 'gateOverrideAsked':
      foldRelease(state, event, context);
      return;
    case 'evidenceJournaled':
    case 'breakerReported':
      foldResponse(state, event, context);
      return;
  }
  throw new UnknownKindError((event satisfies never as JournalEvent).kind);
}

/** A newer build wrote the entry: what it decided, such as who was revoked, is not known here. */
export class UnknownKindError extends Error {}

/** Set by a start, which goes by the file of its configuration. */
function isDeclared({ actor }: EntryContext): boolean {
  return actor.kind === 'coordinator' && actor.part === 'start';
}
