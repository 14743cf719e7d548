import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../proto/digest.ts';
import type { ClusterId, TrackId } from '../../../proto/ids.ts';
import { changedParts, folded } from '../../testing/folding.ts';
import { enrolled, newState, track } from '../../testing/released-state.ts';
import type { BreakerReport, JournalEvent } from '../journal/events.ts';
import { headOf, lastHeadOf } from './fold-response.ts';

const north = 'north' as ClusterId;
const south = 'south' as ClusterId;
const members = folded(newState(), [...enrolled(north), ...enrolled(south)]);

const end = (signer: string, record: number) => ({ signer, record, digest: digestOf(Buffer.from(`${record}`)) });

describe('ends of chains of evidence', () => {
  const journaled = (record: number, signer = 'ab'): JournalEvent => {
    return { kind: 'evidenceJournaled', cluster: north, ...end(signer, record) };
  };

  it('are the cluster’s, with their place and time, oldest first', () => {
    const after = folded(members, [journaled(1), journaled(2, 'cd')], { atMs: 30 });
    expect(after.clusters.get(north)).toEqual({
      ...members.clusters.get(north),
      evidence: [
        { ...end('ab', 1), sequence: members.seq + 1, atMs: 30 },
        { ...end('cd', 2), sequence: members.seq + 2, atMs: 30 },
      ],
    });
    expect(after.clusters.get(south)).toEqual(members.clusters.get(south));
    expect(changedParts(members, after)).toEqual(['clusters']);
  });

  it('are the last 64', () => {
    const after = folded(
      members,
      Array.from({ length: 66 }, (_, record) => journaled(record)),
    );
    const records = after.clusters.get(north)?.evidence.map(({ record }) => record);
    expect(records).toEqual(Array.from({ length: 64 }, (_, index) => index + 2));
  });

  it('are found by signer, record and digest together, and the last by its signer', () => {
    const after = folded(members, [journaled(1), journaled(2), journaled(3, 'cd')]);
    const known = after.clusters.get(north) ?? { evidence: [] };
    expect(headOf(known, end('ab', 2))).toMatchObject({ record: 2, sequence: members.seq + 2 });
    expect(headOf(known, { ...end('ab', 2), signer: 'cd' })).toBeUndefined();
    expect(headOf(known, { ...end('ab', 2), record: 9 })).toBeUndefined();
    expect(headOf(known, { ...end('ab', 2), digest: digestOf(Buffer.from('other')) })).toBeUndefined();
    expect(lastHeadOf(known, 'ab')).toMatchObject({ record: 2 });
    expect(lastHeadOf(known, 'ef')).toBeUndefined();
    expect(lastHeadOf(undefined, 'ab')).toBeUndefined();
  });
});

describe('breakers', () => {
  const report = (version: number, open: boolean): BreakerReport => {
    return { version, open, reportedAtMs: 8, flaggedPodCount: 3, podCount: 9, workloadCount: 2, withinMs: 60_000 };
  };
  const reported = (cluster: ClusterId, version: number, open = true): JournalEvent => {
    return { kind: 'breakerReported', cluster, track, ...report(version, open) };
  };
  const breakersOf = (events: readonly JournalEvent[]) =>
    folded(members, events).tracks.get(track)?.releasing.breakers ?? {};

  it('are what each cluster said last of each version', () => {
    const { seq } = members;
    const events = [reported(north, 4), reported(south, 4), reported(north, 5), reported(north, 4, false)];
    expect(breakersOf(events)).toEqual({
      4: {
        north: { ...report(4, false), sequence: seq + 4 },
        south: { ...report(4, true), sequence: seq + 2 },
      },
      5: { north: { ...report(5, true), sequence: seq + 3 } },
    });
    expect(changedParts(members, folded(members, events))).toEqual(['tracks']);
  });

  it('are those of the 32 newest versions, in whatever order they were told of', () => {
    const versions = Array.from({ length: 35 }, (_, index) => (index * 4) % 35);
    const kept = Object.keys(breakersOf(versions.map((version) => reported(north, version))));
    expect(kept).toEqual(Array.from({ length: 32 }, (_, index) => `${index + 3}`));
  });

  it('are of tracks that there are', () => {
    const elsewhere: JournalEvent = {
      kind: 'breakerReported',
      cluster: north,
      track: 'dns' as TrackId,
      ...report(1, true),
    };
    expect(() => folded(members, [elsewhere])).toThrow('fold: there is no track dns');
  });
});
