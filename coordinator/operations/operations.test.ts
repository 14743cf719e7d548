import { describe, expect, it, onTestFinished } from 'vitest';
import { type Result, unwrap } from '../../base/fault.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { MemoryKeyStore } from '../keys/memory-key-store.ts';
import { Registry } from '../registry/registry.ts';
import type { Engine } from '../rounds/engine.ts';
import { clusters, openSmallFederation, operator, track } from '../testing/small-federation.ts';
import { tempDir } from '../testing/temp-dir.ts';
import { channelsView } from '../views/channels.ts';
import { findTrack } from '../views/request.ts';
import { roundsOf, roundView } from '../views/rounds.ts';
import { checkReason } from './check.ts';
import { liftFreeze, setFreeze } from './freezes.ts';
import { exportRelease } from './release-files.ts';
import { assignChannel, overrideGate, promote, setChannel } from './releases.ts';
import { cancelRound, openRound, planRounds } from './rounds.ts';
import { moveHead } from './tracks.ts';

const reason = 'a test';
const dayMs = 86_400_000;
const codeOf = (result: Result<unknown>) => (result.ok ? 'ok' : result.fault.code);

/** What a transport stands on: an engine, and a registry. */
async function opened(): Promise<Readonly<{ engine: Engine; registry: Registry }>> {
  const vault = new MemoryKeyStore();
  const engine = await openSmallFederation(tempDir(), { keyStore: vault });
  const times = { timestampLifeMs: dayMs, timestampEveryMs: 3_600_000, catalogueLifeMs: 7 * dayMs };
  const registry = unwrap(await Registry.open({ store: engine, vault, build: 'test', times, timers: systemTimers }));
  onTestFinished(async () => {
    await registry.close();
    await engine.close();
  });
  await registry.settled();
  return { engine, registry };
}

describe('operations', () => {
  it('serve any transport: plain texts in, plain data out, and what they did is seen in the views', async () => {
    const { engine, registry } = await opened();
    const round = unwrap(await openRound(engine, operator, { track, reason }));
    const seen = () => {
      const found = unwrap(findTrack(engine.state(), track));
      return roundsOf(found).map((one) => roundView(found, one).phase);
    };
    expect(round).toBe('r-1');
    expect(seen()).toEqual(['recruiting']);
    expect(codeOf(await openRound(engine, operator, { track, reason }))).toBe('ROUND_OPEN');
    const sequence = unwrap(await cancelRound(engine, operator, { track, round, reason }));
    expect(sequence).toBeGreaterThan(0);
    expect(seen()).toEqual(['abandoned']);

    const named = { track, reason, dryRun: false };
    unwrap(await setChannel(registry, operator, { ...named, channel: 'edge', version: 0, shadows: undefined }));
    const subject = { cluster: clusters[0] as string };
    const assigned = unwrap(await assignChannel(registry, operator, { ...named, channel: 'edge', subject }));
    expect(assigned.sequence).toBe(engine.state().metadata.changedSeq);
    const view = channelsView(engine.state(), unwrap(findTrack(engine.state(), track)), registry.assignments());
    expect(view.channels).toContainEqual({ name: 'edge', version: 0, shadows: null, clusterCount: 1 });
  });

  it('check everything that a stranger to the code could get wrong, before anything is asked of the registry', async () => {
    const { engine, registry } = await opened();
    const before = engine.state().seq;
    const named = { track, reason, dryRun: false };
    const asked: readonly Result<unknown>[] = [
      await openRound(engine, operator, { track: 'No', reason }),
      await openRound(engine, operator, { track, reason: '' }),
      await cancelRound(engine, operator, { track, round: 'first', reason }),
      await promote(registry, operator, { ...named, channel: 'Stable!', version: undefined }),
      await promote(registry, operator, { ...named, channel: '', version: 2n ** 60n }),
      await setChannel(registry, operator, { ...named, channel: 'edge', version: -1, shadows: undefined }),
      await assignChannel(registry, operator, { ...named, channel: 'edge', subject: undefined }),
      await assignChannel(registry, operator, {
        ...named,
        channel: 'edge',
        subject: { label: { key: 'A', value: 'b' } },
      }),
      await overrideGate(registry, operator, { ...named, version: 0, decision: undefined }),
      await moveHead(engine, operator, { ...named, reason: 'x'.repeat(501), version: 0 }),
      exportRelease(registry, { track, version: 0.5 }),
      planRounds(engine, 2_000 + 367 * dayMs, 2_000),
    ];
    expect(asked.map(codeOf)).toEqual(asked.map(() => 'REQUEST_INVALID'));
    expect(engine.state().seq).toBe(before);
    expect(checkReason('\ud800')?.ok).toBe(false); // Half a character goes into no audit log.
  });

  it('try a change without a trace: a dry run has the answer and no entry', async () => {
    const { engine, registry } = await opened();
    const before = engine.state().seq;
    const freeze = { tracks: [], fromMs: 0, untilMs: systemTimers.now() + dayMs, reason };
    expect(unwrap(await setFreeze(engine, operator, { ...freeze, dryRun: true }))).toMatchObject({
      freezeId: '',
      sequence: 0,
    });
    const channel = { track, reason, channel: 'edge', version: 0, shadows: undefined, dryRun: true };
    expect(unwrap(await setChannel(registry, operator, channel)).sequence).toBe(0);
    expect(engine.state().seq).toBe(before);

    const { freezeId, sequence } = unwrap(await setFreeze(engine, operator, { ...freeze, dryRun: false }));
    expect(sequence).toBe(before + 1);
    const lifted = unwrap(await liftFreeze(engine, operator, { freezeId, reason, dryRun: false }));
    expect(lifted.freeze).toMatchObject({ freezeId, tracks: 'all', setBy: 'ada' });
  });
});
