import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Result, unwrap } from '../../base/fault.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { newRoundKeyPair } from '../../proto/envelope/crypto/keys.ts';
import type { Digest, RoundId } from '../../proto/ids.ts';
import type { AggregationRunner } from '../candidate/job.ts';
import { placesIn } from '../candidate/places.ts';
import { ThreadRunner } from '../candidate/thread-runner.ts';
import { Vault } from '../keys/vault.ts';
import type { JournalEvent } from '../ledger/journal/events.ts';
import { setPolicy } from '../ledger/track-changes.ts';
import type { TrackPolicy } from '../round/policy.ts';
import { blobFile } from '../testing/blob-file.ts';
import { sealDelta } from '../testing/sealed-delta.ts';
import { deltaOf, takePart } from '../testing/small-client.ts';
import {
  clusters,
  openSmallFederation,
  operator,
  policy,
  type SmallFederationOptions,
  track,
} from '../testing/small-federation.ts';
import { tempDir } from '../testing/temp-dir.ts';
import { roundEnd, until } from '../testing/wait.ts';
import type { Engine } from './engine.ts';
import { keysName } from './kept-inputs.ts';

const keeping: TrackPolicy = { ...policy, keepInputs: { rounds: 2, hours: 1 } };
const hourMs = 3_600_000;
const reason = 'an audit asks for it';

async function engineIn(dataDir: string, options: SmallFederationOptions = {}): Promise<Engine> {
  const engine = await openSmallFederation(dataDir, { policy: keeping, ...options });
  onTestFinished(() => engine.close());
  return engine;
}

/** Everyone takes part; the last cluster's update cannot be opened when `spoilt`. */
function everyoneTakesPart(engine: Engine, spoilt = false): void {
  for (const cluster of clusters) {
    const isSpoilt = spoilt && cluster.endsWith('d');
    const leave = takePart(
      engine,
      cluster,
      () => {},
      (invitation) => {
        const roundKey = isSpoilt ? Buffer.from(newRoundKeyPair().publicKey).toString('base64') : invitation.roundKey;
        return sealDelta({ ...invitation, roundKey }, cluster, deltaOf(cluster, invitation.round));
      },
    );
    onTestFinished(leave);
  }
}

async function runRound(engine: Engine): Promise<RoundId> {
  const { value: round } = unwrap(await engine.openRound(operator, { track, reason: 'test' }));
  await roundEnd(engine, round);
  return round;
}

const keyFile = (dataDir: string, round: string) => join(dataDir, 'keys', keysName(track, round as RoundId));
const codeOf = (result: Result<unknown>) => (result.ok ? 'ok' : result.fault.code);
const replay = (engine: Engine, round: RoundId) => engine.replayRound(operator, { track, round, reason });

async function events<Kind extends JournalEvent['kind']>(engine: Engine, kind: Kind) {
  const entries = unwrap(await engine.audit(1, 10_000));
  return entries.flatMap(({ event }) => (event.kind === kind ? [event as Extract<JournalEvent, { kind: Kind }>] : []));
}

/** Resolves once the journal says that the round's input keys are gone. */
const keysGone = (engine: Engine, round: RoundId) =>
  until(engine, () => engine.state().tracks.get(track)?.rounds.get(round)?.inputKeys?.destroyedAtMs ?? undefined);

describe('a replay', () => {
  it('gives the same bits for every round that is kept, moments and provenance included, also after a restart', async () => {
    const dataDir = tempDir();
    const engine = await openSmallFederation(dataDir, { policy: keeping });
    everyoneTakesPart(engine);
    const rounds = [await runRound(engine), await runRound(engine)];
    await engine.close();
    const again = await engineIn(dataDir);
    for (const round of rounds) {
      const blobsBefore = readdirSync(join(dataDir, 'blobs')).sort();
      const replayed = unwrap(await replay(again, round));
      expect(replayed).toMatchObject({ same: true, updateCount: clusters.length });
      expect(replayed.recomputed).toEqual(replayed.recorded);
      expect(replayed.recorded.optimiserState).not.toBeNull();
      expect(readdirSync(join(dataDir, 'blobs')).sort()).toEqual(blobsBefore);
      expect(readdirSync(join(dataDir, 'scratch'))).toEqual([]);
    }
    expect(await events(again, 'replayStarted')).toMatchObject(rounds.map((round) => ({ round, reason })));
    expect(await events(again, 'roundReplayed')).toMatchObject(rounds.map((round) => ({ round, same: true })));
  });

  it('gives the same bits for a round that a build recorded which gave updates no places', async () => {
    const dataDir = tempDir();
    const keyStore = unwrap(await Vault.open(join(dataDir, 'keys'), 'a master key for tests alone'));
    const inner = new ThreadRunner({ places: placesIn(dataDir), keyStore, timers: systemTimers });
    const runner: AggregationRunner = {
      run: (job) => inner.run({ ...job, withoutPlaces: true }),
      close: (force) => inner.close(force),
    };
    const earlier = await openSmallFederation(dataDir, { policy: keeping, keyStore, runner });
    everyoneTakesPart(earlier);
    const old = await runRound(earlier);
    await earlier.close();
    const engine = await engineIn(dataDir);
    everyoneTakesPart(engine);
    const rounds = [old, await runRound(engine)];
    const recordOf = async (round: RoundId) => {
      const phase = engine.state().tracks.get(track)?.rounds.get(round)?.phase;
      if (phase?.kind !== 'candidate') throw new Error('no candidate');
      return JSON.parse(Buffer.from(unwrap(await engine.blobs.get(phase.provenance))).toString('utf8'));
    };
    for (const [at, round] of rounds.entries()) {
      const { map, updates } = await recordOf(round);
      expect([map !== undefined, 'place' in updates[0]]).toEqual([at === 1, at === 1]);
      expect(unwrap(await replay(engine, round))).toMatchObject({ same: true });
    }
  });

  it('tells the rule of an update that did not open what it was told the first time', async () => {
    const engine = await engineIn(tempDir());
    everyoneTakesPart(engine, true);
    const round = await runRound(engine);
    expect(unwrap(await replay(engine, round))).toMatchObject({ same: true, updateCount: clusters.length - 1 });
  });

  it('finds the difference when an input is not what it was', async () => {
    const dataDir = tempDir();
    const engine = await engineIn(dataDir);
    everyoneTakesPart(engine);
    await runRound(engine);
    const round = await runRound(engine);
    const moments = engine.state().tracks.get(track)?.models[1]?.optimiserState as Digest;
    const path = blobFile(dataDir, moments);
    const bytes = readFileSync(path);
    bytes[3] = (bytes[3] as number) ^ 0x01;
    writeFileSync(path, bytes);
    const replayed = unwrap(await replay(engine, round));
    expect(replayed.same).toBe(false);
    expect(replayed.recomputed.candidate).not.toBe(replayed.recorded.candidate);
    expect(await events(engine, 'roundReplayed')).toMatchObject([{ round, same: false }]);
  });

  it('is refused, with what can be replayed, where nothing was kept', async () => {
    const engine = await engineIn(tempDir(), { policy });
    everyoneTakesPart(engine);
    const round = await runRound(engine);
    const refused = await replay(engine, round);
    expect(codeOf(refused)).toBe('INPUTS_NOT_KEPT');
    expect(refused).toMatchObject({ fault: { message: expect.stringContaining('keepInputs') } });
    expect(codeOf(await replay(engine, 'r-9' as RoundId))).toBe('ROUND_NOT_FOUND');
    expect(await events(engine, 'replayStarted')).toEqual([]);
    expect(await events(engine, 'inputKeysKept')).toEqual([]);
  });
});

describe('kept input keys', () => {
  it('leave the round key to be destroyed with its round, and open none but the updates that were counted', async () => {
    const dataDir = tempDir();
    const engine = await engineIn(dataDir);
    everyoneTakesPart(engine, true);
    const round = await runRound(engine);
    expect(existsSync(join(dataDir, 'keys', `round.${track}.${round}`))).toBe(false);
    expect(await events(engine, 'roundKeyDestroyed')).toMatchObject([{ round }]);
    const stored = readFileSync(keyFile(dataDir, round));
    const vault = unwrap(await Vault.open(join(dataDir, 'keys'), 'a master key for tests alone'));
    const kept = JSON.parse(Buffer.from((await vault.get(keysName(track, round))) as Uint8Array).toString());
    const opened = kept.updates.filter((update: object) => 'key' in update);
    expect(opened).toHaveLength(clusters.length - 1);
    for (const { key } of opened) expect(stored.includes(Buffer.from(key, 'base64'))).toBe(false); // Encrypted at rest.
  });

  it('go when their time is over, and the sealed updates of older rounds with them', async () => {
    const dataDir = tempDir();
    let nowMs = Date.now();
    const engine = await engineIn(dataDir, { timers: { ...systemTimers, now: () => nowMs } });
    everyoneTakesPart(engine);
    const round = await runRound(engine);
    await runRound(engine);
    const sealed = (await acceptedPayloads(engine, round)).map((digest) => blobFile(dataDir, digest));
    expect(sealed.every(existsSync)).toBe(true);
    nowMs += hourMs + 60_000;
    engine.wake();
    await keysGone(engine, round);
    expect(existsSync(keyFile(dataDir, round))).toBe(false);
    expect(codeOf(await replay(engine, round))).toBe('INPUTS_NOT_KEPT');
    expect(await events(engine, 'inputKeysDestroyed')).toContainEqual(
      expect.objectContaining({ round, because: 'AGE' }),
    );
    await runRound(engine); // Its ticks sweep.
    expect(sealed.some(existsSync)).toBe(false);
  });

  it('go when newer rounds take their place', async () => {
    const dataDir = tempDir();
    const engine = await engineIn(dataDir);
    everyoneTakesPart(engine);
    const [first] = [await runRound(engine), await runRound(engine), await runRound(engine)];
    await keysGone(engine, first);
    expect(await events(engine, 'inputKeysDestroyed')).toEqual([
      { kind: 'inputKeysDestroyed', track, round: first, because: 'COUNT' },
    ]);
    expect(existsSync(keyFile(dataDir, first))).toBe(false);
  });

  it('go at once when the policy no longer asks for them', async () => {
    const dataDir = tempDir();
    const engine = await engineIn(dataDir);
    everyoneTakesPart(engine);
    const round = await runRound(engine);
    expect(existsSync(keyFile(dataDir, round))).toBe(true);
    unwrap(await setPolicy(engine, operator, { track, policy, reason: 'enough' }));
    await keysGone(engine, round);
    expect(existsSync(keyFile(dataDir, round))).toBe(false);
    expect(await events(engine, 'inputKeysDestroyed')).toMatchObject([{ round, because: 'POLICY' }]);
  });

  it('of a round that gave no candidate after all do not outlive the next start', async () => {
    const dataDir = tempDir();
    const engine = await openSmallFederation(dataDir, { policy: keeping });
    const { value: round } = unwrap(await engine.openRound(operator, { track, reason: 'test' }));
    unwrap(await engine.cancelRound(operator, { track, round, reason: 'test' }));
    await roundEnd(engine, round);
    await engine.close();
    const vault = unwrap(await Vault.open(join(dataDir, 'keys'), 'a master key for tests alone'));
    await vault.put(keysName(track, round), Buffer.from('left by a crash'));
    const again = await engineIn(dataDir);
    await again.close(); // After the first tick.
    expect(existsSync(keyFile(dataDir, round))).toBe(false);
  });
});

async function acceptedPayloads(engine: Engine, round: RoundId): Promise<readonly Digest[]> {
  const steps = await events(engine, 'roundStepped');
  return steps.flatMap((step) =>
    step.round === round && step.event.kind === 'updateArrived' ? [step.event.update.payloadDigest] : [],
  );
}
