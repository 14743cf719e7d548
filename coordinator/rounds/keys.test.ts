import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import type { RoundId } from '../../proto/ids.ts';
import { MemoryKeyStore } from '../keys/memory-key-store.ts';
import { Vault } from '../keys/vault.ts';
import { takePart } from '../testing/small-client.ts';
import { clusters, openSmallFederation, operator, track } from '../testing/small-federation.ts';
import { tempDir } from '../testing/temp-dir.ts';
import { roundEnd } from '../testing/wait.ts';
import { makeRoundKey, publicRoundKey, roundKeyName } from './keys.ts';

const round = 'r-2' as RoundId;

describe("a round's key", () => {
  it('is never replaced: who was fenced must not take away the key of a round that another coordinator runs', async () => {
    const keyStore = new MemoryKeyStore();
    const opened = await makeRoundKey(keyStore, track, round);
    const secret = await keyStore.get(roundKeyName(track, round));
    expect(await makeRoundKey(keyStore, track, round)).toBe(opened);
    expect(await keyStore.get(roundKeyName(track, round))).toEqual(secret);
    expect(await makeRoundKey(keyStore, track, 'r-3' as RoundId)).not.toBe(opened);
  });

  it('is one, where several open the round at once: a round that opened can be opened', async () => {
    const dataDir = join(tempDir(), 'data');
    const keyStore = unwrap(await Vault.open(join(tempDir(), 'keys'), 'm'.repeat(32)));
    expect(new Set(await Promise.all(Array.from({ length: 8 }, () => makeRoundKey(keyStore, track, round)))).size).toBe(
      1,
    );
    const engine = await openSmallFederation(dataDir, { keyStore });
    onTestFinished(() => engine.close());
    for (const cluster of clusters) takePart(engine, cluster, () => {});
    const asked = Array.from({ length: 4 }, () => engine.openRound(operator, { track, reason: 'at once' }));
    const opened = await Promise.all(asked);
    expect(opened.filter(({ ok }) => ok)).toHaveLength(1);
    for (const one of opened) if (!one.ok) expect(one.fault.code).toBe('ROUND_OPEN');
    expect((await roundEnd(engine, 'r-1')).phase.kind).toBe('candidate');
  });

  it('is destroyed at the next start where somebody made it again after its round had ended', async () => {
    const dataDir = join(tempDir(), 'data');
    const keyStore = new MemoryKeyStore();
    const first = await openSmallFederation(dataDir, { keyStore });
    const leave = clusters.map((cluster) => takePart(first, cluster, () => {}));
    unwrap(await first.openRound(operator, { track, reason: 'test' }));
    await roundEnd(first, 'r-1');
    for (const left of leave) left();
    await first.close();
    expect(await publicRoundKey(keyStore, track, 'r-1' as RoundId)).toBeUndefined();

    await makeRoundKey(keyStore, track, 'r-1' as RoundId);
    await makeRoundKey(keyStore, track, round); // Of a round to come: a crash left it, and the next try takes it.
    const again = await openSmallFederation(dataDir, { keyStore });
    onTestFinished(() => again.close());
    expect(await publicRoundKey(keyStore, track, 'r-1' as RoundId)).toBeUndefined();
    expect(await publicRoundKey(keyStore, track, round)).toBeDefined();
  });
});
