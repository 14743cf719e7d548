import type { ClusterId } from '../../../proto/ids.ts';
import type { EvidenceHead, ResponseEvent } from '../journal/events.ts';
import { type EntryContext, type MutableState, replaceTrack } from './mutable-state.ts';
import type { Cluster, JournaledHead } from './state.ts';

/** Of one cluster: enough for the same end to come again, and for several agents; the journal has all of them. */
const headsKept = 64;
/** Versions of a track whose breakers are remembered: the newest. */
const versionsKept = 32;

export function foldResponse(state: MutableState, event: ResponseEvent, { seq, atMs }: EntryContext): void {
  switch (event.kind) {
    case 'evidenceJournaled': {
      const { cluster, signer, record, digest } = event;
      const member = state.clusters.get(cluster);
      if (member === undefined) throw new Error(`fold: there is no cluster ${cluster}`);
      const evidence = [...member.evidence, { signer, record, digest, sequence: seq, atMs }].slice(-headsKept);
      state.clusters.set(cluster, { ...member, evidence });
      return;
    }
    case 'breakerReported': {
      const { kind: _, track: id, cluster, ...report } = event;
      replaceTrack(state, id, (track) => {
        const { breakers } = track.releasing;
        const ofVersion: Record<ClusterId, (typeof breakers)[number][ClusterId]> = { ...breakers[report.version] };
        ofVersion[cluster] = { ...report, sequence: seq };
        const all = Object.entries({ ...breakers, [report.version]: ofVersion });
        const newest = all.sort(([a], [b]) => Number(a) - Number(b)).slice(-versionsKept);
        return { ...track, releasing: { ...track.releasing, breakers: Object.fromEntries(newest) } };
      });
      return;
    }
  }
}

/** This very end of a chain, where it was journalled and is remembered. */
export function headOf({ evidence }: Pick<Cluster, 'evidence'>, head: EvidenceHead): JournaledHead | undefined {
  return evidence.find(
    ({ signer, record, digest }) => signer === head.signer && record === head.record && digest === head.digest,
  );
}

/** The last end of this signer's chain. */
export function lastHeadOf(cluster: Pick<Cluster, 'evidence'> | undefined, signer: string): JournaledHead | undefined {
  return cluster?.evidence.findLast((head) => head.signer === signer);
}
