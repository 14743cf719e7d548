import { describe, expect, it, onTestFinished } from 'vitest';
import { ok, refuse, unwrap } from '../../base/fault.ts';
import { SimulatedTimers } from '../../base/simulation/simulated-timers.ts';
import { digestOf } from '../../proto/digest.ts';
import type { ClusterId, RoundId, TrackId } from '../../proto/ids.ts';
import type { KeyStore } from '../keys/key-store.ts';
import { liftFreeze, setFreeze } from '../ledger/freezing.ts';
import type { JournalEvent } from '../ledger/journal/events.ts';
import { MemoryMedium } from '../ledger/journal/memory-store.ts';
import { openMemoryJournal } from '../ledger/journal/open-journal.ts';
import { type Invitation, sealDelta } from '../testing/sealed-delta.ts';
import { deltaOf, submit } from '../testing/small-client.ts';
import { clusters, openSmallFederation, operator, policy, track } from '../testing/small-federation.ts';
import { tempDir } from '../testing/temp-dir.ts';
import { roundEnd, until } from '../testing/wait.ts';

const [a, b, c, d, e] = clusters as [ClusterId, ClusterId, ClusterId, ClusterId, ClusterId];
const hourMs = 3_600_000;
const nightly = { cron: '0 2 * * *', timeZone: 'UTC', blackouts: [] };

/** Collects for six hours, whoever has answered: no test could wait for that. */
const slow: typeof policy = {
  ...policy,
  rounds: { ...policy.rounds, recruitForMs: hourMs, collectForMs: 6 * hourMs, closesAtGoal: false },
};

/** A coordinator whose time is the test's, and whose journal and keys are in memory. Everything else is the real thing. */
async function openInSimulatedTime(wanted: typeof policy = slow, members = clusters, away = 0) {
  const timers = new SimulatedTimers(Date.UTC(2027, 0, 1, 1, 30));
  const keys = new Map<string, Uint8Array>();
  const keyStore: KeyStore = {
    put: async (name, secret) => void keys.set(name, Uint8Array.from(secret)),
    add: async (name, secret) => !keys.has(name) && keys.set(name, Uint8Array.from(secret)).has(name),
    get: async (name) => keys.get(name),
    present: async (names) => names.filter((name) => keys.has(name)),
    destroy: async (name) => void keys.delete(name),
  };
  const journal = openMemoryJournal(new MemoryMedium(), timers);
  const { append } = journal;
  const disk = { isFull: false };
  const noRoom = { entries: [], durable: Promise.resolve(refuse('DISK_FULL' as const, 'no room')) };
  journal.append = (drafts) => (disk.isFull ? noRoom : append.call(journal, drafts));
  const troubles: string[] = [];
  const engine = await openSmallFederation(tempDir(), {
    ...{ timers, journal, keyStore, policy: wanted, members, trouble: (code: string) => troubles.push(code) },
    watchdogMs: 24 * hourMs, // What ends a round here is an alarm of its own.
  });
  onTestFinished(() => engine.close());
  const invitations = new Map<ClusterId, Invitation>();
  const { promise: invited, resolve: allInvited } = Promise.withResolvers<void>();
  const there = members.slice(0, members.length - away);
  for (const cluster of there) {
    engine.join(cluster, [track], (directive) => {
      if (directive.kind === 'invitation') invitations.set(cluster, directive);
      if (invitations.size === there.length) allInvited();
    });
  }
  const answer = async (cluster: ClusterId) => {
    const invitation = invitations.get(cluster) as Invitation;
    const update = await sealDelta(invitation, cluster, deltaOf(cluster, invitation.round));
    return submit(engine, update);
  };
  const phase = (round = 'r-1') =>
    engine
      .state()
      .tracks.get(track as TrackId)
      ?.rounds.get(round as RoundId)?.phase;
  return { timers, engine, keys, disk, invitations, invited, answer, phase, troubles };
}

describe('a round in simulated time', () => {
  it('is abandoned at its deadline, to the millisecond, when its quorum is missed', async () => {
    const { timers, engine, keys, invitations, invited, answer, phase } = await openInSimulatedTime();
    const openedAtMs = timers.now();
    unwrap(await engine.openRound(operator, { track, reason: 'test' }));
    await invited; // No time passes while the coordinator works.
    const closesAtMs = invitations.get(a)?.closesAtMs as number;
    expect(closesAtMs - openedAtMs).toBe(6 * hourMs);
    for (const cluster of [a, b, c, d]) unwrap(await answer(cluster));

    await timers.advance(closesAtMs - 1 - timers.now());
    expect(phase()).toMatchObject({ kind: 'collecting' });
    expect(keys.size).toBe(1);
    await timers.advance(1);
    const { phase: end } = await roundEnd(engine, 'r-1');
    expect(end).toMatchObject({ kind: 'abandoned', reason: 'QUORUM_MISSED', endedAtMs: closesAtMs });
    expect(timers.now()).toBe(closesAtMs);
    expect([...keys.keys()]).toEqual([]); // With the round its key has ended.
    const late = await answer(e);
    expect(late).toMatchObject({ ok: false });
  });

  it('lasts no longer than its rules say where the clock was ahead when it was opened, and its schedule goes on', async () => {
    const { timers, engine, invited, answer, phase, troubles } = await openInSimulatedTime({
      ...slow,
      schedule: nightly,
    });
    const rightMs = timers.now();
    timers.setWallClock(rightMs + 200 * 24 * hourMs);
    engine.wake(); // The runs of 200 nights are one: it is open, and says that it has served them.
    await invited;
    timers.setWallClock(rightMs);
    for (const cluster of [a, b, c, d]) unwrap(await answer(cluster));
    await timers.advance(6 * hourMs);
    engine.wake();
    await timers.advance(1);
    expect(phase()).toMatchObject({ kind: 'collecting' });
    await timers.advance(60_000);
    engine.wake();
    const { phase: end } = await roundEnd(engine, 'r-1');
    expect(end).toMatchObject({ kind: 'abandoned', reason: 'QUORUM_MISSED' });
    expect(troubles).toContain('CLOCK_SET_BACK');

    await timers.advanceUntil(() => phase('r-2') !== undefined);
    // Two o'clock came while the round was open.
    expect(new Date(timers.now()).toISOString()).toBe('2027-01-01T07:31:00.001Z');
  });

  it.each(['ends', 'is lifted'])(
    'opens by its schedule once a freeze that held its run %s, where its last run was opened by a clock that was ahead',
    async (end) => {
      const { timers, engine, invited, phase } = await openInSimulatedTime({ ...slow, schedule: nightly });
      const rightMs = timers.now();
      timers.setWallClock(rightMs + 200 * 24 * hourMs);
      engine.wake();
      await invited;
      timers.setWallClock(rightMs);
      unwrap(await engine.cancelRound(operator, { track, round: 'r-1' as RoundId, reason: 'the clock was ahead' }));
      const wanted = {
        tracks: 'all',
        fromMs: null,
        untilMs: rightMs + 2 * hourMs,
        reason: 'test',
        dryRun: false,
      } as const;
      const { freezeId } = unwrap(await setFreeze(engine, operator, wanted)).value;
      await timers.advance(hourMs); // Past two o'clock.
      expect(phase('r-2')).toBeUndefined();
      if (end === 'ends') await timers.advance(hourMs);
      else unwrap(await liftFreeze(engine, operator, { freezeId, reason: 'test', dryRun: false }));
      await timers.advanceUntil(() => phase('r-2') !== undefined);
      expect(timers.now() - rightMs).toBeLessThan(3 * hourMs);
    },
  );

  it('opens no run anew that it had opened before its clock was behind for a while', async () => {
    const { timers, engine, invited, phase } = await openInSimulatedTime({ ...slow, schedule: nightly });
    await timers.advanceUntil(() => phase() !== undefined);
    await invited;
    unwrap(await engine.cancelRound(operator, { track, round: 'r-1' as RoundId, reason: 'test' }));
    const rightMs = timers.now();
    timers.setWallClock(rightMs - 24 * hourMs);
    const wanted = { tracks: 'all', fromMs: null, untilMs: rightMs, reason: 'test', dryRun: false } as const;
    const { freezeId } = unwrap(await setFreeze(engine, operator, wanted)).value;
    unwrap(await liftFreeze(engine, operator, { freezeId, reason: 'test', dryRun: false }));
    timers.setWallClock(rightMs);
    engine.wake();
    await timers.advanceUntil(() => phase('r-2') !== undefined);
    expect(new Date(timers.now()).toISOString()).toBe('2027-01-02T02:00:00.000Z');
  });

  it('says less and less often that its disk is full, and ends soon after there is room', async () => {
    const { timers, engine, disk, invitations, invited, phase, troubles } = await openInSimulatedTime();
    unwrap(await engine.openRound(operator, { track, reason: 'test' }));
    await invited;
    disk.isFull = true;
    const closesAtMs = invitations.get(a)?.closesAtMs as number;
    await timers.advance(closesAtMs + 10 * 60_000 - timers.now());
    expect(phase()).toMatchObject({ kind: 'collecting' });
    expect(new Set(troubles)).toEqual(new Set(['DISK_FULL']));
    expect(troubles.length).toBeLessThan(30); // Six doublings from half a second, then each half a minute.
    disk.isFull = false;
    await timers.advance(30_000);
    const { phase: end } = await roundEnd(engine, 'r-1');
    expect(end).toMatchObject({ kind: 'abandoned', reason: 'QUORUM_MISSED' });
  });

  it('closes at its deadline with its quorum, and comes to a candidate in no time', async () => {
    const { timers, engine, invitations, invited, answer, phase } = await openInSimulatedTime();
    unwrap(await engine.openRound(operator, { track, reason: 'test' }));
    await invited; // No time passes while the coordinator works.
    for (const cluster of clusters) unwrap(await answer(cluster));
    const closesAtMs = invitations.get(a)?.closesAtMs as number;

    await timers.advance(closesAtMs - 1 - timers.now());
    expect(phase()).toMatchObject({ kind: 'collecting' });
    await timers.advance(1);
    const { phase: end } = await roundEnd(engine, 'r-1'); // The rule runs in a real thread, for which no time passes.
    expect(end).toMatchObject({ kind: 'candidate', closedAtMs: closesAtMs, endedAtMs: closesAtMs });
    // What the same deltas give in real time: see the contract of backends.
    expect(engine.state().tracks.get(track)?.models[1]?.digest).toBe(
      'sha256:1e70e39127ec9cf2222281ce1ac455b895963eb9ef62736835ce9cdde58650d9',
    );
  });

  it('that needs a sample which is not there is asked for once, however long it takes, and opens once it is put', async () => {
    const wanted = { ...slow, sample: { mix: 0.1 }, schedule: nightly };
    const { timers, engine, phase, troubles } = await openInSimulatedTime(wanted);
    engine.wake();
    await timers.advance(hourMs);
    expect([phase(), troubles]).toEqual([undefined, ['SAMPLE_ABSENT']]);
    const sample = { version: 1, digest: digestOf(Buffer.from('a sample')), bytes: 8, classes: [] };
    const event: JournalEvent = { kind: 'samplePut', track, reason: 'test', ...sample };
    unwrap(await engine.commit(operator, () => ok({ events: [event], value: undefined })));
    await until(engine, () => phase('r-1'));
    expect(troubles).toEqual(['SAMPLE_ABSENT']);
  });

  it('is opened by its schedule in the night, and the next one a day later', async () => {
    const { timers, engine, phase } = await openInSimulatedTime({ ...slow, schedule: nightly });
    engine.wake();
    await timers.advance(29 * 60_000);
    expect(phase()).toBeUndefined();
    await timers.advance(60_000);
    await until(engine, () => phase('r-1'));
    expect(phase('r-1')).toMatchObject({ kind: 'collecting', openedAtMs: Date.UTC(2027, 0, 1, 2) });
    await timers.advance(6 * hourMs);
    const { phase: end } = await roundEnd(engine, 'r-1');
    expect(end).toMatchObject({ kind: 'abandoned', endedAtMs: Date.UTC(2027, 0, 1, 8) });
    await timers.advance(18 * hourMs);
    await until(engine, () => phase('r-2'));
    expect(phase('r-2')).toMatchObject({ kind: 'collecting', openedAtMs: Date.UTC(2027, 0, 2, 2) });
  });

  const six = [...clusters, 'cluster-f' as ClusterId];
  const graced = { ...policy, rounds: { ...slow.rounds, closesAtGoal: true, graceMs: 60_000 } };
  /** Resolves once the coordinator has set its alarm: real threads take turns of the loop, and no time. */
  const alarmIn = async (timers: SimulatedTimers, ms: number) => {
    while (timers.nextInMs !== ms) await new Promise((resolve) => setImmediate(resolve));
  };

  it('is not held for hours by one cluster of six that says nothing, nor for an hour by one that is away', async () => {
    for (const away of [0, 1]) {
      const { timers, engine, invited, answer, phase } = await openInSimulatedTime(graced, six, away);
      unwrap(await engine.openRound(operator, { track, reason: 'test' }));
      if (away === 1) {
        await alarmIn(timers, 60_000);
        expect(phase()).toMatchObject({ kind: 'recruiting' });
        await timers.advance(60_000);
      }
      await invited;
      const openedAtMs = timers.now();
      for (const cluster of clusters) unwrap(await answer(cluster));
      if (away === 0) {
        await alarmIn(timers, 60_000);
        expect(phase()).toMatchObject({ kind: 'collecting' });
        await timers.advance(60_000);
      }
      const { phase: end } = await roundEnd(engine, 'r-1');
      const stragglers = away === 0 ? six.slice(5) : [];
      expect(end).toMatchObject({ kind: 'candidate', closedAtMs: openedAtMs + (away === 0 ? 60_000 : 0), stragglers });
    }
  });

  it('counts the last one that comes within the grace', async () => {
    const { timers, engine, invited, answer } = await openInSimulatedTime(graced, six);
    unwrap(await engine.openRound(operator, { track, reason: 'test' }));
    await invited;
    for (const cluster of clusters) unwrap(await answer(cluster));
    await alarmIn(timers, 60_000);
    await timers.advance(59_999);
    unwrap(await answer(six[5] as ClusterId));
    const { phase: end } = await roundEnd(engine, 'r-1');
    expect(end).toMatchObject({ kind: 'candidate', stragglers: [], cohort: six });
  });
});
