import type { State, Track } from '../../coordinator/ledger/state/state.ts';
import type { Accepted, RoundPhase } from '../../coordinator/round/phase.ts';
import { enrolled, eventsAfter, newState, track } from '../../coordinator/testing/released-state.ts';
import { digestOf } from '../../proto/digest.ts';
import type { ClusterId, RoundId } from '../../proto/ids.ts';

/** A state in which each of the last rounds counted an update of every cluster. */
export function stateWithRounds(clusters: number, rounds: number): State {
  const names = Array.from({ length: clusters }, (_, at) => `c-${at}` as ClusterId);
  const state = eventsAfter(
    newState(),
    names.flatMap((name) => enrolled(name)),
  );
  const known = state.tracks.get(track) as Track;
  const digest = digestOf(Buffer.from('payload'));
  const model = { version: 0, digest };
  const accepted: Accepted[] = names.map((cluster) => ({
    ...{ cluster, payloadDigest: digest, payloadBytes: 1, baseDigest: digest, staleness: 0, exampleCount: 1 },
    ...{ signature: '', acceptedAtMs: 1 },
  }));
  const phase: RoundPhase = {
    ...{ kind: 'candidate', openedAtMs: 0, closedAtMs: 1, endedAtMs: 2, base: model, cohort: names, accepted },
    ...{ expelled: [], stragglers: [], candidate: model, provenance: digest, optimiserState: null },
  };
  const kept = Array.from(
    { length: rounds },
    (_, at) => [`r-${at + 1}` as RoundId, { ...anyRound(known), phase }] as const,
  );
  return { ...state, tracks: new Map([[track, { ...known, rounds: new Map(kept) }]]) };
}

function anyRound({ track: id, policy }: Track) {
  const rules = { ...policy.rounds, updatesMin: 1 };
  const kept = { pending: [], sequences: [], refusedCount: 0, refusals: [], keyDestroyedAtMs: null, inputKeys: null };
  return { track: id, round: 'r-1' as RoundId, rules, policy, reason: 'bench', scheduledAtMs: 0, ...kept };
}
