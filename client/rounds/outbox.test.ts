import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { sealedLength } from '../../proto/envelope/format.ts';
import { parseClusterId, parseDigest, parseFederationId, parseRoundId, parseTrackId } from '../../proto/ids.ts';
import { type KeptUpdate, Outbox } from './outbox.ts';

const track = parseTrackId('syscall');
const round = parseRoundId('r-1');
const digest = parseDigest(`sha256:${'a'.repeat(64)}`);
const kept: KeptUpdate = {
  track,
  round,
  header: {
    federation: parseFederationId('herd'),
    track,
    round,
    cluster: parseClusterId('c01'),
    base: digest,
    schema: digest,
    codec: 'f32le',
    plainBytes: 4,
    exampleCount: 1,
    payload: digest,
    payloadBytes: sealedLength(4),
  },
  signature: new Uint8Array(64),
  closesAtMs: 1_000,
};

describe('Outbox', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'testudo-outbox-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('restores what was kept, with its receipt', async () => {
    const outbox = new Outbox(join(folder, 'kept'));
    await writeFile(await outbox.prepare(track, round), 'sealed');
    unwrap(await outbox.keep(kept));
    await outbox.keepReceipt(track, round, 7);
    expect(await outbox.restore(track)).toMatchObject({ kept: { round }, sequence: 7 });
  });

  it('does one thing after another, so that a round may end while its receipt is written', async () => {
    const outbox = new Outbox(join(folder, 'raced'));
    for (let attempt = 0; attempt < 50; attempt++) {
      await writeFile(await outbox.prepare(track, round), 'sealed');
      await Promise.all([outbox.keep(kept), outbox.keepReceipt(track, round, 7), outbox.drop(track, round)]);
      expect(await readdir(join(folder, 'raced', track))).toEqual([]);
    }
  });

  it('keeps nothing of a round that ended while its update was sealed or its receipt was on the way', async () => {
    const outbox = new Outbox(join(folder, 'dropped'));
    await writeFile(await outbox.prepare(track, round), 'sealed');
    await outbox.drop(track, round);
    expect(await outbox.keep(kept)).toMatchObject({ ok: false, fault: { code: 'UPDATE_DROPPED' } });
    await outbox.keepReceipt(track, round, 7);
    expect(await outbox.restore(track)).toBeUndefined();
    expect(await readdir(join(folder, 'dropped', track))).toEqual([]);
  });
});
