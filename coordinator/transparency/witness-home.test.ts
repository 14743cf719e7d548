import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { parseCheckpoint, signCheckpoint } from '../../proto/transparency/checkpoint.ts';
import { cosignedAt } from '../../proto/transparency/cosignature.ts';
import { witnessRequestText } from '../../proto/transparency/proof-files.ts';
import { parseVerifierKey } from '../../proto/transparency/signed-note.ts';
import { MemoryKeyStore } from '../keys/memory-key-store.ts';
import type { Engine } from '../rounds/engine.ts';
import { federation, openSmallFederation, operator, track } from '../testing/small-federation.ts';
import { tempDir } from '../testing/temp-dir.ts';
import { type CheckpointSigner, ensureCheckpointSigner, publicCheckpointKey } from './checkpoint-key.ts';
import { proveGrowth } from './prove.ts';
import { cosignRequest, initWitness } from './witness-home.ts';

describe('a witness with a folder of its own', () => {
  let dataDir: string;
  let home: string;
  let engine: Engine;
  let signer: CheckpointSigner;
  const name = 'witness.example/w1';

  beforeEach(async () => {
    dataDir = tempDir();
    home = join(tempDir(), 'witness');
    engine = await openSmallFederation(dataDir);
    signer = await ensureCheckpointSigner(new MemoryKeyStore(), federation, dataDir);
  });
  afterEach(() => engine.close());

  it('cosigns a growing journal head after head, and remembers the last over its restarts', async () => {
    const key = unwrap(parseVerifierKey(unwrap(await initWitness(home, name, [publicCheckpointKey(signer)]))));
    const first = unwrap(await cosignRequest(home, unwrap(await proveGrowth(dataDir, 0, signer)), 1_800_000_000_999));
    expect(first.before).toBe(0);
    unwrap(await engine.openRound(operator, { track, reason: 'test' }));
    const request = unwrap(await proveGrowth(dataDir, first.size, signer));
    const second = unwrap(await cosignRequest(home, request, 1_800_000_060_000));
    expect(second).toMatchObject({ before: first.size, size: engine.state().seq });
    const times = [first, second].map((cosigned) => cosignedAt(unwrap(parseCheckpoint(cosigned.note)).note, key));
    expect(times).toEqual([1_800_000_000, 1_800_000_060]);
    expect(unwrap(await initWitness(home, name, [publicCheckpointKey(signer)]))).toContain(`${name}+${key.keyId}+`);
    expect(await cosignRequest(home, request, 1_800_000_061_000)).toMatchObject({ ok: true });
    expect(await initWitness(home, 'another', [publicCheckpointKey(signer)])).toMatchObject({
      fault: { code: 'WITNESS_INVALID' },
    });
  });

  it('refuses what was rewritten or taken back, and goes on from what it saw', async () => {
    unwrap(await initWitness(home, name, [publicCheckpointKey(signer)]));
    const young = unwrap(await proveGrowth(dataDir, 0, signer));
    unwrap(await engine.openRound(operator, { track, reason: 'test' }));
    const { size } = unwrap(await cosignRequest(home, unwrap(await proveGrowth(dataDir, 0, signer)), 1));
    const last = readFileSync(join(home, 'last.note'), 'utf8');
    const codeOf = async (request: string) => {
      const answer = await cosignRequest(home, request, 2);
      return answer.ok ? 'cosigned' : answer.fault.code;
    };
    expect(await codeOf(young)).toBe('LOG_ROLLED_BACK');
    const root = new Uint8Array(32).fill(5);
    const rewritten = signCheckpoint(signer.origin, { size: size + 4, root }, signer.key);
    expect(await codeOf(witnessRequestText(size, [root], rewritten))).toBe('LOG_FORKED');
    const same = signCheckpoint(signer.origin, { size, root }, signer.key);
    expect(await codeOf(witnessRequestText(size, [], same))).toBe('LOG_FORKED');
    expect(await codeOf('nothing of the kind')).toBe('NOTE_INVALID');
    expect(readFileSync(join(home, 'last.note'), 'utf8')).toBe(last);
  });

  it('cosigns nothing without its memory: what is damaged is no fresh start', async () => {
    expect(await cosignRequest(home, '', 1)).toMatchObject({ fault: { code: 'WITNESS_INVALID' } });
    unwrap(await initWitness(home, name, [publicCheckpointKey(signer)]));
    const request = unwrap(await proveGrowth(dataDir, 0, signer));
    writeFileSync(join(home, 'last.note'), 'garbage');
    expect(await cosignRequest(home, request, 1)).toMatchObject({ fault: { code: 'WITNESS_INVALID' } });
    rmSync(join(home, 'last.note'));
    expect(await cosignRequest(home, request, 1)).toMatchObject({ ok: true });
    writeFileSync(join(home, 'witness.json'), '{}');
    expect(await cosignRequest(home, request, 1)).toMatchObject({ fault: { code: 'WITNESS_INVALID' } });
  });
});
