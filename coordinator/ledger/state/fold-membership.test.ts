import { beforeEach, describe, expect, it } from 'vitest';
import { digestOf } from '../../../proto/digest.ts';
import type { ClassName, ClusterId } from '../../../proto/ids.ts';
import { changedParts, folded } from '../../testing/folding.ts';
import type { JournalEvent } from '../journal/events.ts';
import { emptyState } from './mutable-state.ts';
import type { State } from './state.ts';

const north = 'north' as ClusterId;
const south = 'south' as ClusterId;
const secretDigest = digestOf(Buffer.from('secret'));
const head = { signer: 'ab', record: 7, digest: digestOf(Buffer.from('end')) };

function minted(tokenId: string, cluster = north): JournalEvent {
  return { kind: 'tokenMinted', tokenId, cluster, secretDigest, expiresAtMs: 900, labels: { site: 'kiel' } };
}

function enrolled(tokenId: string, certificateSerial: string, cluster = north): JournalEvent {
  const certificate = { certificateSerial, certificateExpiresAtMs: 1_000 };
  return { kind: 'clusterEnrolled', cluster, tokenId, signingKey: 'a2V5', ...certificate, labels: { site: 'bonn' } };
}

let one: State;
// In each test: what is folded while the file is loaded would be folded before a mutant is switched on.
beforeEach(() => {
  one = folded(emptyState(), [minted('t-1'), enrolled('t-1', '01')], { atMs: 5 });
});

describe('a token', () => {
  it('is unused when it is minted, used by the enrolment, and void once it is revoked', () => {
    const whole = { tokenId: 't-1', cluster: north, secretDigest, expiresAtMs: 900, labels: { site: 'kiel' } };
    const fresh = folded(emptyState(), [minted('t-1')], { atMs: 3 });
    expect(fresh.tokens.get('t-1')).toEqual({ ...whole, mintedAtMs: 3, usedAtMs: null, revoked: false });
    expect(changedParts(emptyState(), fresh)).toEqual(['tokens']);
    const used = folded(fresh, [enrolled('t-1', '01')], { atMs: 4 });
    expect(used.tokens.get('t-1')).toEqual({ ...whole, mintedAtMs: 3, usedAtMs: 4, revoked: false });
    const revoked = folded(fresh, [{ kind: 'tokenRevoked', tokenId: 't-1', reason: 'lost' }]);
    expect(revoked.tokens.get('t-1')).toEqual({ ...whole, mintedAtMs: 3, usedAtMs: null, revoked: true });
    expect(fresh.tokens.get('t-1')?.revoked).toBe(false);
  });

  it('that waits unused is void once its cluster is enrolled by another, whether it was minted just now or long ago', () => {
    const tokens = [minted('t-2'), minted('t-3'), minted('t-south', south)];
    const revokedOf = (state: typeof one) =>
      [...state.tokens.values()].filter(({ revoked }) => revoked).map(({ tokenId }) => tokenId);
    const atOnce = folded(one, [...tokens, enrolled('t-2', '02')]);
    const inTwo = folded(folded(one, tokens), [enrolled('t-2', '02')]);
    expect(revokedOf(atOnce)).toEqual(['t-3']);
    expect(inTwo).toEqual(atOnce);
    expect(atOnce.tokens.get('t-1')).toEqual(one.tokens.get('t-1')); // Used: it stays what it was.
    const again = folded(atOnce, [minted('t-4'), minted('t-5'), enrolled('t-4', '03')]);
    expect(revokedOf(again)).toEqual(['t-3', 't-5']);
  });

  it('that waits unused is void once its cluster is revoked', () => {
    const waiting = folded(one, [minted('t-2'), minted('t-south', south)]);
    const after = folded(waiting, [{ kind: 'clusterRevoked', cluster: north, reason: 'sold' }]);
    expect([after.tokens.get('t-1'), after.tokens.get('t-2'), after.tokens.get('t-south')]).toMatchObject([
      { revoked: false },
      { revoked: true, usedAtMs: null },
      { revoked: false },
    ]);
  });
});

describe('a cluster', () => {
  const fresh = {
    ...{ cluster: north, status: 'enrolled', enrolledAtMs: 5, signingKey: 'a2V5', certificateSerial: '01' },
    ...{ certificateExpiresAtMs: 1_000, earlierSerials: [], quarantined: false, labels: { site: 'bonn' } },
    ...{ evidence: [], revokedBecause: null },
  };

  it('is known by what its enrolment said', () => {
    expect(one.clusters.get(north)).toEqual(fresh);
    expect(changedParts(emptyState(), one)).toEqual(['clusters', 'tokens']);
  });

  it('that enrols again is in good standing but for its quarantine, and keeps its evidence and its earlier serial', () => {
    const left = folded(one, [
      { kind: 'quarantineSet', cluster: north, quarantined: true, reason: 'odd' },
      { kind: 'evidenceJournaled', cluster: north, ...head },
      { kind: 'clusterRevoked', cluster: north, reason: 'sold' },
    ]);
    expect(left.clusters.get(north)).toMatchObject({ status: 'revoked', revokedBecause: 'sold', quarantined: true });
    const back = folded(left, [minted('t-2'), enrolled('t-2', '02')], { atMs: 9 });
    expect(back.clusters.get(north)).toEqual({
      ...{ ...fresh, enrolledAtMs: 9, certificateSerial: '02', earlierSerials: ['01'], quarantined: true },
      evidence: [{ ...head, sequence: 4, atMs: 0 }],
    });
  });

  it.each([{ kind: 'certificateRenewed' }, { kind: 'clusterRejoined', lastExpiredAtMs: 4 }] as const)(
    '$kind: has a new certificate, and 16 earlier serials are remembered',
    (how) => {
      const renewal = (serial: number): JournalEvent => {
        return { ...how, cluster: north, certificateSerial: `${serial}`, certificateExpiresAtMs: 1_000 + serial };
      };
      const renewed = folded(one, [renewal(2)]);
      expect(renewed.clusters.get(north)).toEqual({
        ...{ ...fresh, certificateSerial: '2', certificateExpiresAtMs: 1_002, earlierSerials: ['01'] },
      });
      expect(changedParts(one, renewed)).toEqual(['clusters']);
      const often = folded(
        renewed,
        Array.from({ length: 17 }, (_, index) => renewal(3 + index)),
      );
      expect(often.clusters.get(north)?.certificateSerial).toBe('19');
      expect(often.clusters.get(north)?.earlierSerials).toEqual(
        Array.from({ length: 16 }, (_, index) => `${3 + index}`),
      );
    },
  );

  it('changes its quarantine, its labels or its classes, and nothing else', () => {
    const northAfter = (event: JournalEvent) => folded(one, [event]).clusters.get(north);
    const reason = 'test';
    const held = northAfter({ kind: 'quarantineSet', cluster: north, quarantined: true, reason });
    expect(held).toEqual({ ...fresh, quarantined: true });
    const labels = { rack: '4', 'class-web': 'yes' };
    const labelled: JournalEvent = { kind: 'labelsSet', cluster: north, labels, reason };
    expect(northAfter(labelled)).toEqual({ ...fresh, labels });
    const classes = ['db', 'queue'] as ClassName[];
    const approved = folded(one, [labelled, { kind: 'classesApproved', cluster: north, classes, reason }]);
    expect(approved.clusters.get(north)).toEqual({
      ...{ ...fresh, labels: { rack: '4', 'class-db': 'yes', 'class-queue': 'yes' } },
    });
  });
});

describe('operators and doors', () => {
  it('an operator that was removed is remembered as such, and may be added anew', () => {
    const ada = { name: 'ada', role: 'admin', certificateSerial: '0a', certificateExpiresAtMs: 50 } as const;
    const added = folded(emptyState(), [{ kind: 'operatorAdded', ...ada }]);
    expect(added.operators).toEqual(new Map([['ada', { ...ada, removed: false }]]));
    expect(changedParts(emptyState(), added)).toEqual(['operators']);
    const removed = folded(added, [{ kind: 'operatorRemoved', name: 'ada', reason: 'left' }]);
    expect(removed.operators).toEqual(new Map([['ada', { ...ada, removed: true }]]));
    expect(folded(removed, [{ kind: 'operatorAdded', ...ada }]).operators).toEqual(added.operators);
  });

  it('a door has the certificate of its last renewal until it is revoked, and may be made anew', () => {
    const door = { name: 'edge', hosts: ['edge.example'], certificateSerial: '0d', certificateExpiresAtMs: 50 };
    const adding: JournalEvent = { kind: 'doorAdded', ...door, reason: 'test' };
    const added = folded(emptyState(), [adding], { atMs: 7 });
    expect(added.doors).toEqual(new Map([['edge', { ...door, addedAtMs: 7, revoked: false }]]));
    expect(changedParts(emptyState(), added)).toEqual(['doors']);
    const certificate = { certificateSerial: '0e', certificateExpiresAtMs: 90 };
    const renewed = folded(added, [{ kind: 'doorRenewed', name: 'edge', ...certificate }], { atMs: 8 });
    expect(renewed.doors.get('edge')).toEqual({ ...door, ...certificate, addedAtMs: 7, revoked: false });
    const revoked = folded(renewed, [{ kind: 'doorRevoked', name: 'edge', reason: 'lost' }]);
    expect(revoked.doors.get('edge')).toEqual({ ...door, ...certificate, addedAtMs: 7, revoked: true });
    expect(folded(revoked, [adding], { atMs: 7 }).doors).toEqual(added.doors);
  });
});

describe('an entry about nobody', () => {
  const reason = 'test';
  const certificate = { certificateSerial: '09', certificateExpiresAtMs: 9 };
  const cluster = south;
  it.each<[string, JournalEvent]>([
    ['there is no token t-9', { kind: 'tokenRevoked', tokenId: 't-9', reason }],
    ['token t-9 enrols twice', enrolled('t-9', '09')],
    ['token t-1 enrols twice', enrolled('t-1', '09')],
    ['there is no cluster south', { kind: 'certificateRenewed', cluster, ...certificate }],
    ['there is no cluster south', { kind: 'clusterRejoined', cluster, ...certificate, lastExpiredAtMs: 1 }],
    ['there is no cluster south', { kind: 'clusterRevoked', cluster, reason }],
    ['there is no cluster south', { kind: 'quarantineSet', cluster, quarantined: true, reason }],
    ['there is no cluster south', { kind: 'labelsSet', cluster, labels: {}, reason }],
    ['there is no cluster south', { kind: 'classesApproved', cluster, classes: [], reason }],
    ['there is no cluster south', { kind: 'evidenceJournaled', cluster, ...head }],
    ['there is no operator eve', { kind: 'operatorRemoved', name: 'eve', reason }],
    ['there is no door edge', { kind: 'doorRenewed', name: 'edge', ...certificate }],
    ['there is no door edge', { kind: 'doorRevoked', name: 'edge', reason }],
  ])('does not fit: %s', (message, event) => {
    expect(() => folded(one, [event])).toThrow(`fold: ${message}`);
  });
});
