import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { open as openFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ok, unwrap } from '../../base/fault.ts';
import { newSigningKeyPair } from '../../proto/envelope/crypto/keys.ts';
import type { RoundId } from '../../proto/ids.ts';
import { checkSigned, signCheckpoint } from '../../proto/transparency/checkpoint.ts';
import { Frontier } from '../../proto/transparency/merkle.ts';
import { MemoryKeyStore } from '../keys/memory-key-store.ts';
import type { Engine } from '../rounds/engine.ts';
import { federation, openSmallFederation, operator, track } from '../testing/small-federation.ts';
import { tempDir } from '../testing/temp-dir.ts';
import { CheckpointWriter, lineOf, readCheckpoints } from './checkpoint-file.ts';
import {
  type CheckpointSigner,
  ensureCheckpointSigner,
  publicCheckpointKey,
  publicCheckpointKeys,
  replaceCheckpointSigner,
} from './checkpoint-key.ts';
import { Checkpointer } from './checkpointer.ts';
import { exportAudit } from './export.ts';
import { verifyExport } from './verify-export.ts';
import { storedHeads, verifyStoredHeads } from './verify-stored.ts';

describe('heads of a journal', () => {
  const engineDir = tempDir(afterAll);
  let dataDir: string;
  let engine: Engine;
  let signer: CheckpointSigner;
  let troubles: string[];
  const keys = new MemoryKeyStore();
  const path = () => join(dataDir, 'transparency', 'checkpoints.jsonl');
  const text = () => readFileSync(path(), 'utf8');
  const sizes = async () => (await readCheckpoints(dataDir)).map(({ checkpoint }) => checkpoint.size);

  beforeAll(async () => {
    engine = await openSmallFederation(engineDir);
  });
  afterAll(() => engine.close());
  beforeEach(async () => {
    dataDir = tempDir();
    troubles = [];
    signer = await ensureCheckpointSigner(keys, federation, dataDir);
  });

  const open = (by = signer, epoch?: number) =>
    Checkpointer.open({
      epoch,
      facts: engine,
      read: (from, limit) => engine.audit(from, limit),
      dataDir,
      signer: by,
      everyEntries: 3,
      trouble: (code) => troubles.push(code),
    });
  const catchUp = async (by = signer) => {
    const checkpointer = await open(by);
    await checkpointer.caughtUp;
    await checkpointer.close();
  };
  const lifted = { kind: 'freezeLifted', freezeId: 'none', reason: 'an entry' } as const;
  const multiples = () => Array.from({ length: Math.floor(engine.state().seq / 3) }, (_, index) => 3 * (index + 1));

  it('are written by each of those who follow one another in one folder to a file of its own, and the newest counts', async () => {
    const folder = join(dataDir, 'transparency');
    await catchUp();
    const before = readFileSync(path());
    const stopped = await open(signer, 7); // Still there, with its file, when the next one has taken over.
    await stopped.caughtUp;
    const next = await open(signer, 8);
    await next.caughtUp;
    expect(readdirSync(folder).filter((name) => name.startsWith('checkpoints'))).toEqual(['checkpoints-8.jsonl']);
    expect(readFileSync(join(folder, 'checkpoints-8.jsonl'))).toEqual(before);
    for (let count = 0; count < 3; count++)
      await engine.commit(operator, () => ok({ events: [lifted], value: undefined }));
    await Promise.all([stopped.close(), next.close()]);
    expect(
      readdirSync(folder)
        .filter((name) => name.startsWith('checkpoints'))
        .sort(),
    ).toEqual(['checkpoints-7.jsonl', 'checkpoints-8.jsonl']);
    expect(await sizes()).toEqual(multiples());
    await catchUp(); // Alone in the folder again.
    expect(readdirSync(folder).filter((name) => name.startsWith('checkpoints'))).toEqual(['checkpoints.jsonl']);
    expect(await sizes()).toEqual(multiples());
  });

  it('are signed as the journal grows, and for what an older version wrote before', async () => {
    const checkpointer = await open();
    unwrap(await engine.openRound(operator, { track, reason: 'while it catches up' }));
    await checkpointer.caughtUp;
    unwrap(await engine.cancelRound(operator, { track, round: 'r-1' as RoundId, reason: 'test' }));
    await checkpointer.close();
    await checkpointer.close();
    expect(await sizes()).toEqual(multiples());
    expect(multiples().length).toBeGreaterThan(3);
    expect(troubles).toEqual([]);
  });

  it('are the same bytes when they were lost, in part or whole, and are signed once each', async () => {
    await catchUp();
    const before = text();
    await catchUp();
    expect(text()).toBe(before);
    truncateSync(path(), before.length - 10);
    await catchUp();
    expect(text()).toBe(before);
    appendFileSync(path(), '{"half":');
    await catchUp();
    expect(text()).toBe(before);
    rmSync(path());
    await catchUp();
    expect(text()).toBe(before);
    const [first = '', second = '', ...rest] = before.split('\n');
    writeFileSync(path(), [first, second.replace('"tree":["', '"tree":["AA'), ...rest].join('\n'));
    await catchUp();
    expect(text()).toBe(before);
    expect(troubles).toEqual([]);
  });

  it('wait for a disk that takes none, the newest of them alone', async () => {
    const writer = await CheckpointWriter.open(dataDir, 0, (code) => troubles.push(code));
    const tree = Frontier.empty();
    const append = async () => {
      tree.push(new Uint8Array(32));
      writer.append(signCheckpoint(signer.origin, { size: tree.size, root: tree.root() }, signer.key), tree.roots);
      await writer.idle();
    };
    mkdirSync(path());
    for (let count = 0; count < 262; count++) await append();
    expect(troubles).toEqual(Array(262).fill('CHECKPOINT_UNWRITTEN'));
    rmSync(path(), { recursive: true });
    await append();
    expect(await sizes()).toEqual(Array.from({ length: 257 }, (_, index) => index + 7));
    await append();
    expect((await sizes()).at(-1)).toBe(264);
  });

  it('fit the journal that they were signed of, and no other or shorter one', async () => {
    await catchUp();
    const signed = await sizes();
    const verdict = async (dir = dataDir) => verifyStoredHeads(await storedHeads(dir), engineDir);
    expect(await verdict()).toEqual({ ok: true, value: signed.length });
    expect(await verdict(engineDir)).toEqual({ ok: true, value: 0 });
    const lines = text().trimEnd().split('\n');
    const stranger = newSigningKeyPair();
    const resigned = (await readCheckpoints(dataDir)).map(({ checkpoint, frontier }) =>
      lineOf(signCheckpoint(signer.origin, checkpoint, stranger), frontier.roots),
    );
    writeFileSync(path(), resigned.join(''));
    expect(await verdict()).toMatchObject({ fault: { code: 'CHECKPOINT_UNSIGNED' } });
    const { note } = JSON.parse(lines[1] as string) as { note: string };
    const tree = Frontier.empty();
    for (let size = 0; size < 6; size++) tree.push(new Uint8Array(32));
    const forged = signCheckpoint(signer.origin, { size: 6, root: tree.root() }, signer.key);
    expect(note).toContain('\n6\n');
    writeFileSync(path(), [lines[0], lineOf(forged, tree.roots)].join('\n'));
    expect(await verdict()).toMatchObject({
      fault: { code: 'LOG_FORKED', message: expect.stringContaining('one of 4 to 6') },
    });
    const size = 2 ** 20;
    const far = Frontier.from(size, [new Uint8Array(32)]) as Frontier;
    writeFileSync(path(), lineOf(signCheckpoint(signer.origin, { size, root: far.root() }, signer.key), far.roots));
    expect(await verdict()).toMatchObject({
      fault: { code: 'LOG_FORKED', message: expect.stringContaining('entries were taken back') },
    });
  });

  it('are read before the keys that are named as having signed them: a key is named first', async () => {
    const next = await replaceCheckpointSigner(new MemoryKeyStore(), federation, dataDir);
    const named = readFileSync(join(dataDir, 'transparency', 'public-keys'), 'utf8');
    const tree = Frontier.empty();
    tree.push(new Uint8Array(32));
    const head = signCheckpoint(next.origin, { size: 1, root: tree.root() }, next.key);
    writeFileSync(join(dataDir, 'transparency', 'public-keys'), `${publicCheckpointKey(signer)}\n`);
    // A pipe: whoever reads heads waits in the middle of it, until the key is named and its head written.
    execFileSync('mkfifo', [path()]);
    const stored = storedHeads(dataDir);
    const pipe = await openFile(path(), 'w');
    writeFileSync(join(dataDir, 'transparency', 'public-keys'), named);
    await pipe.writeFile(lineOf(head, tree.roots));
    await pipe.close();
    const { heads, keys: known } = await stored;
    expect(heads.map(({ checkpoint }) => checkSigned(checkpoint, known).ok)).toEqual([true]);
  });

  it('go on under another key, and an export of both is sound', async () => {
    dataDir = engineDir;
    signer = await ensureCheckpointSigner(keys, federation, dataDir);
    await catchUp();
    const before = await sizes();
    const next = await replaceCheckpointSigner(keys, federation, dataDir);
    unwrap(await engine.openRound(operator, { track, reason: 'test' }));
    unwrap(await engine.cancelRound(operator, { track, round: 'r-2' as RoundId, reason: 'test' }));
    // What ends with the round, such as its key, is journalled a moment later.
    const isCaughtUp = async () => {
      await catchUp(next);
      return String(await sizes()) === String(multiples());
    };
    await expect.poll(isCaughtUp).toBe(true);
    expect(multiples().length).toBeGreaterThan(before.length);
    expect(await publicCheckpointKeys(dataDir)).toHaveLength(2);
    unwrap(await exportAudit(dataDir, join(dataDir, 'export'), 1, next));
    expect(await verifyExport(join(dataDir, 'export'))).toMatchObject({ ok: true });
    expect(await ensureCheckpointSigner(keys, federation, dataDir)).toEqual(next);
  });

  it('of more entries than the journal has are put aside, and somebody is told', async () => {
    await catchUp();
    const signed = text();
    const seq = engine.state().seq;
    const shorter = { ...engine, state: () => ({ ...engine.state(), seq: 5 }), follow: () => () => {} };
    const checkpointer = await Checkpointer.open({
      facts: shorter,
      read: (from) => engine.audit(from, Math.max(0, 6 - from)),
      dataDir,
      signer,
      everyEntries: 3,
      trouble: (code) => troubles.push(code),
    });
    await checkpointer.close();
    expect(seq).toBeGreaterThan(8);
    expect(await sizes()).toEqual([3]);
    expect(troubles).toEqual(['CHECKPOINTS_AHEAD']);
    // They are all that shows what the journal has lost.
    const aside = readFileSync(join(dataDir, 'transparency', 'checkpoints-ahead.jsonl'), 'utf8');
    expect(text() + aside).toBe(signed);
  });
});
