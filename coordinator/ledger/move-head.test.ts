import { expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import type { RoundId, TrackId } from '../../proto/ids.ts';
import { rulesOf } from '../round/policy.ts';
import { memoryLedger } from '../testing/memory-ledger.ts';
import { bob, newState, released, track, trackCreated, weightsOf } from '../testing/released-state.ts';
import { policy } from '../testing/small-federation.ts';
import type { JournalEvent } from './journal/events.ts';
import type { Ledger } from './ledger.ts';
import { moveHead } from './move-head.ts';

const models = [trackCreated, ...[1, 2, 3].flatMap((version) => released(newState(), version))];
const ref = (version: number) => ({ version, digest: weightsOf(version) });
const headIn = ({ state }: Ledger) => state.tracks.get(track)?.headVersion;
const revoked = (version: number): JournalEvent => ({ kind: 'releaseRevoked', track, version, reason: 'bad' });

function move(ledger: Ledger, version: number, more: Readonly<{ track?: TrackId; dryRun?: boolean }> = {}) {
  return moveHead(ledger, bob, { track, version, reason: 'test', dryRun: false, ...more });
}

it('moves the head to a model that there is, and tells from where', async () => {
  const ledger = await memoryLedger(models);
  const { value, entries } = unwrap(await move(ledger, 1));
  expect(value).toEqual({ before: ref(3), after: ref(1), openRound: null });
  expect(entries.map(({ event }) => event)).toEqual([{ kind: 'headMoved', track, version: 1, reason: 'test' }]);
  expect(headIn(ledger)).toBe(1);
});

it('writes nothing where it stands there already, or is only tried', async () => {
  const ledger = await memoryLedger(models);
  expect(unwrap(await move(ledger, 3))).toEqual({
    value: { before: ref(3), after: ref(3), openRound: null },
    entries: [],
  });
  const tried = unwrap(await move(ledger, 0, { dryRun: true }));
  expect(tried).toEqual({ value: { before: ref(3), after: ref(0), openRound: null }, entries: [] });
  expect(headIn(ledger)).toBe(3);
});

it('names the round that runs on another model', async () => {
  const round = 'r-1' as RoundId;
  const opened = { kind: 'opened', atMs: 1, seed: 7, base: ref(3) } as const;
  const waiting: readonly JournalEvent[] = [
    ...models,
    {
      ...{ kind: 'roundScheduled', track, round, dueAtMs: 1, rules: rulesOf(policy), policy },
      ...{ servesUntilMs: null, reason: 'test' },
    },
  ];
  const running = await memoryLedger([...waiting, { kind: 'roundStepped', track, round, event: opened, effects: [] }]);
  const openRoundAt = async (ledger: Ledger, version: number) =>
    unwrap(await move(ledger, version, { dryRun: true })).value.openRound;
  expect([await openRoundAt(running, 2), await openRoundAt(running, 3)]).toEqual([round, null]);
  expect(await openRoundAt(await memoryLedger(waiting), 2)).toBe(round); // It has no base yet.
});

it.each<[string, readonly JournalEvent[], number, string, string]>([
  ['a model that there is not', [], 4, 'MODEL_NOT_FOUND', 'track syscall has versions 0 to 3; the nearest to 4 is 3'],
  ['a revoked one', [revoked(2)], 2, 'VERSION_REVOKED', 'nothing may be built on it; the nearest before it is 1'],
  ['one of several', [revoked(1), revoked(2)], 2, 'VERSION_REVOKED', 'built on it; the nearest before it is 0'],
])('refuses %s', async (_, more, version, code, message) => {
  const ledger = await memoryLedger([...models, ...more]);
  expect(await move(ledger, version)).toMatchObject({ fault: { code, message: expect.stringContaining(message) } });
  expect(headIn(ledger)).toBe(3);
});

it('names no sound version where there is none, and the track that was meant', async () => {
  const ledger = await memoryLedger([...models, revoked(0), revoked(2)]);
  const first = await move(ledger, 0);
  expect(first).toMatchObject({
    fault: { code: 'VERSION_REVOKED', message: 'version 0 of syscall is revoked: nothing may be built on it' },
  });
  const dns = await move(ledger, 0, { track: 'sycall' as TrackId });
  expect(dns).toMatchObject({ fault: { code: 'TRACK_NOT_FOUND', message: expect.stringContaining('syscall') } });
});
