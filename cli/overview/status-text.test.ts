import { expect, it } from 'vitest';
import {
  type ClusterTrack,
  type GetStatusResponse,
  QueueStatus,
  Severity,
  type TrackStatus,
} from '../../proto/generated/testudo/v1/operator_status.ts';
import { statusText } from './status-text.ts';

const at = (text: string) => BigInt(Date.parse(text));
const scored: ClusterTrack = {
  ...{ track: 'syscall', live: 4n, wanted: 6n, shadow: 7n, because: 'pin site=eu', refusedCode: 'DIGEST_WRONG' },
  ...{ lastDeliveryAtMs: at('2026-11-29T10:00:00Z'), excludedIn: 'r-6', score: 0.416, suggestion: 'watch' },
  alerts: [
    { family: 'webshell', count: 12n },
    { family: 'unusual', count: 3n },
  ],
};
const silent: ClusterTrack = {
  ...{ track: 'syscall', live: undefined, wanted: 6n, shadow: undefined, because: 'channel stable', refusedCode: '' },
  ...{ lastDeliveryAtMs: 0n, excludedIn: '', score: undefined, suggestion: '', alerts: [] },
};
const track: TrackStatus = {
  ...{ track: 'syscall', head: 7n, stable: 6n, canary: 7n, floor: 5n, newestAtMs: at('2026-11-29T09:00:00Z') },
  ...{ openRound: 'r-8', acceptedCount: 2, quorumCount: 5, closesAtMs: at('2026-11-29T11:30:00Z'), eligibleCount: 3 },
  ...{ nextRoundAtMs: at('2026-11-30T03:00:00Z'), heldBecause: 'TOO_FEW_CLUSTERS' },
  ...{ lastRound: 'r-7', lastAbandonedBecause: 'QUORUM_MISSED', lastEndedAtMs: at('2026-11-29T09:00:00Z') },
};
const status: GetStatusResponse = {
  coordinator: {
    ...{ federation: 'herd', build: '0.1.0', epoch: 3n, atMs: at('2026-11-29T11:00:00Z'), sequence: 4_711n },
    ...{ freeBytes: 3n * 2n ** 30n, enrolledCount: 2, connectedCount: 1, queue: QueueStatus.QUEUE_STATUS_REDIS },
    ...{ workerCount: 4, rootExpiresAtMs: 0n, pinsExpiresAtMs: 0n },
  },
  tracks: [track],
  clusters: [
    {
      ...{ name: 'eu-1', connected: true, quarantined: true, certificateExpiresAtMs: at('2026-12-01T00:00:00Z') },
      ...{ tracks: [scored], sensors: { count: 9, sampled: 0, dangerous: 2, behind: 0, blind: 1 } },
    },
    {
      ...{ name: 'us-1', connected: false, quarantined: false, certificateExpiresAtMs: at('2026-11-29T12:00:00Z') },
      ...{ tracks: [silent], sensors: undefined },
    },
  ],
  attention: [
    {
      severity: Severity.SEVERITY_CRITICAL,
      code: 'GATE_HELD',
      track: 'syscall',
      cluster: '',
      text: 'decide',
      atMs: 0n,
    },
    {
      ...{ severity: Severity.SEVERITY_WARNING, code: 'PINS_EXPIRE', track: '', cluster: '', text: 'the pins expire' },
      atMs: at('2026-12-20T00:00:00Z'),
    },
  ],
  attentionCount: 3,
  nextPage: '',
};

it('one look says of the coordinator, every track and every cluster what stands, what is due and what waits', () => {
  const lines = statusText(status).split('\n');
  expect(lines.map((line) => line.split(/ {2,}/).filter((cell) => cell !== ''))).toEqual([
    ['herd: 1 of 2 clusters connected, 3.0 GiB free, Redis, 4 workers, journal 4711, 0.1.0, 2026-11-29T11:00:00Z'],
    [],
    ['TRACK', 'STABLE', 'CANARY', 'HEAD', 'FLOOR', 'NEWEST MODEL', 'OPEN ROUND', 'NEXT ROUND', 'LAST ROUND'],
    [
      ...['syscall', '6', '7', '7', '5', '2026-11-29T09:00:00Z', 'r-8 (2 of 5 needed, until 2026-11-29T11:30:00Z)'],
      ...['2026-11-30T03:00:00Z, too few clusters', 'r-7 quorum missed'],
    ],
    [],
    [
      ...['CLUSTER', 'HERE', 'CERTIFICATE UNTIL', 'SENSORS', 'TRACK', 'RUNS', 'BY', 'LAST DELIVERY', 'ALERTS (24 H)'],
      ...['EXCLUDED IN', 'RECORD', 'SUGGESTED'],
    ],
    [
      ...['eu-1', 'yes, quarantined', '2026-12-01T00:00:00Z', '9 (2 dangerous, 1 blind)', 'syscall'],
      ...['4 -> 6 (shadow 7) DIGEST_WRONG', 'pin site=eu', '2026-11-29T10:00:00Z', '12 webshell, 3 unusual'],
      ...['r-6', '0.42', 'watch'],
    ],
    ['us-1', 'NO', '2026-11-29T12:00:00Z', 'syscall', '- -> 6', 'channel stable'],
    [],
    ['critical', 'GATE_HELD syscall: decide'],
    ['warning', 'PINS_EXPIRE: the pins expire [2026-12-20T00:00:00Z]'],
    ['… 3 in all'],
  ]);
});

it.each([
  [0, 'Redis, 0 workers,'],
  [1, 'Redis, 1 worker,'],
])('%i workers are counted as people count', (workerCount, said) => {
  const coordinator = { ...status.coordinator, workerCount } as typeof status.coordinator;
  expect(statusText({ ...status, coordinator })).toContain(said);
});

it('a Redis that does not answer, and a federation of nobody, are said as such', () => {
  const { coordinator } = status;
  const away = { ...coordinator, queue: QueueStatus.QUEUE_STATUS_REDIS_AWAY } as typeof coordinator;
  const text = statusText({ ...status, coordinator: away, tracks: [], clusters: [], attention: [], attentionCount: 0 });
  expect(text.split('\n\n')).toEqual([
    expect.stringContaining('Redis DOES NOT ANSWER'),
    'no tracks: `testudo tracks put` makes one',
    'no clusters: `testudo tokens create NAME` lets one in',
    'nothing wants attention',
  ]);
});

it('a cluster that names many families, and long ones, makes nobody else’s row wide', () => {
  const alerts = Array.from({ length: 16 }, (_, at) => ({ family: `${at}`.padEnd(63, 'x'), count: 1_000_000_000n }));
  const clusters = [
    { ...status.clusters[0], tracks: [{ ...scored, alerts }] },
    { ...status.clusters[1], tracks: [silent] },
  ] as typeof status.clusters;
  const lines = statusText({ ...status, clusters }).split('\n');
  const cell = lines.find((line) => line.startsWith('eu-1'))?.match(/1000000000 0.*…/)?.[0] ?? '';
  expect(cell.split(', ')).toEqual([
    ...['0', '1', '2', '3'].map((digit) => `1000000000 ${digit.padEnd(23, 'x')}…`),
    '…',
  ]);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(400);
});
