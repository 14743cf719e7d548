import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { lockFolder } from '../../base/folder-lock.ts';
import { newSigningKeyPair } from '../../proto/envelope/crypto/keys.ts';
import type { RoundId } from '../../proto/ids.ts';
import { parseCheckpoint, signCheckpoint } from '../../proto/transparency/checkpoint.ts';
import { cosign } from '../../proto/transparency/cosignature.ts';
import { Frontier } from '../../proto/transparency/merkle.ts';
import { noteText, parseVerifierKey, signatureTypes, verifierKey } from '../../proto/transparency/signed-note.ts';
import { MemoryKeyStore } from '../keys/memory-key-store.ts';
import { chainAfter, chainOrigin } from '../ledger/journal/entry.ts';
import type { Engine } from '../rounds/engine.ts';
import { federation, openSmallFederation, operator, track } from '../testing/small-federation.ts';
import { tempDir } from '../testing/temp-dir.ts';
import { type CheckpointSigner, ensureCheckpointSigner, publicCheckpointKey } from './checkpoint-key.ts';
import { Checkpointer } from './checkpointer.ts';
import { keepCosigned } from './cosigned.ts';
import { exportAudit } from './export.ts';
import { leafOf } from './leaf.ts';
import { proveEntry } from './prove.ts';
import { type Expected, verifyExport } from './verify-export.ts';
import { verifyInclusion } from './verify-proof.ts';

const dataDir = tempDir(afterAll);
let engine: Engine;
beforeAll(async () => {
  engine = await openSmallFederation(dataDir);
});
afterAll(() => engine.close());

const file = (name: string) => join(dataDir, `${name}.jsonl`);

it('an export is checked without the coordinator: whole, from a position on, and against heads that were noted', async () => {
  const [early, late, tail] = [file('early'), file('late'), file('tail')];
  const noted = unwrap(await exportAudit(dataDir, early, 1));
  unwrap(await engine.openRound(operator, { track, reason: 'test' }));
  const head = unwrap(await exportAudit(dataDir, late, 1));
  expect(head.seq).toBeGreaterThan(noted.seq);
  const unsigned = { checkpoints: 0, keysGiven: false, witnessed: [] };
  const whole = { first: 1, last: head, entries: head.seq, ...unsigned };
  expect(await verifyExport(late, { heads: [noted] })).toEqual({ ok: true, value: whole });
  expect(unwrap(await exportAudit(dataDir, tail, noted.seq + 1))).toEqual(head);
  const rest = { first: noted.seq + 1, last: head, entries: head.seq - noted.seq, ...unsigned };
  expect(await verifyExport(tail)).toEqual({ ok: true, value: rest });
  expect(await verifyExport(tail, { heads: [noted] })).toMatchObject({ fault: { code: 'ENTRY_NOT_FOUND' } });
  const other = { seq: noted.seq, chain: 'f'.repeat(64) };
  expect(await verifyExport(late, { heads: [other] })).toMatchObject({ fault: { code: 'HEAD_DIFFERS' } });
  // Two who were shown two histories compare what they noted: one of them is not in it.
  for (const heads of [
    [other, noted],
    [noted, other],
  ]) {
    expect(await verifyExport(late, { heads })).toMatchObject({ fault: { code: 'HEAD_DIFFERS' } });
  }
  expect(await exportAudit(dataDir, tail, head.seq + 2)).toMatchObject({ fault: { code: 'ENTRY_NOT_FOUND' } });

  const lines = readFileSync(late, 'utf8').trimEnd().split('\n');
  const changed = lines.with(2, (lines[2] as string).replace('"atMs\\":1', '"atMs\\":2'));
  expect(changed).not.toEqual(lines);
  const verdictOf = async (some: readonly string[]) => {
    writeFileSync(tail, `${some.join('\n')}\n`);
    const verified = await verifyExport(tail);
    return verified.ok ? 'sound' : verified.fault.message;
  };
  expect(await verdictOf(lines)).toBe('sound');
  expect(await verdictOf(changed)).toContain('the hash chain breaks at entry 2');
  expect(await verdictOf(lines.toSpliced(3, 1))).toContain('entry 3 is missing');
  expect(await verdictOf(lines.slice(1))).toContain('its first line is not that of an export');
  expect(await verdictOf(lines.slice(0, -1))).toContain(
    `it ends at entry ${head.seq - 1}, and was written up to ${head.seq}`,
  );
});

it('an export of an earlier version, which has no heads and no end, is still read', async () => {
  const head = unwrap(await exportAudit(dataDir, file('new'), 1));
  const [, ...entries] = readFileSync(file('new'), 'utf8').split('\n');
  const first = JSON.stringify({ format: 'testudo-journal/1', afterSequence: 0, afterChain: chainOrigin });
  writeFileSync(file('old'), [first, ...entries].join('\n'));
  expect(await verifyExport(file('old'))).toMatchObject({ ok: true, value: { last: head, checkpoints: 0 } });
});

describe('an export with signed heads', () => {
  let signer: CheckpointSigner;
  let lines: readonly string[];
  let size: number;

  beforeAll(async () => {
    signer = await ensureCheckpointSigner(new MemoryKeyStore(), federation, dataDir);
    const checkpointer = await Checkpointer.open({
      facts: engine,
      read: (from, limit) => engine.audit(from, limit),
      dataDir,
      signer,
      everyEntries: 4,
      trouble: (code) => expect.fail(code),
    });
    await checkpointer.caughtUp;
    unwrap(await engine.cancelRound(operator, { track, round: 'r-1' as RoundId, reason: 'test' }));
    await checkpointer.close();
    size = unwrap(await exportAudit(dataDir, file('signed'), 1, signer)).seq;
    lines = readFileSync(file('signed'), 'utf8').trimEnd().split('\n');
  });

  const keys = () => [unwrap(parseVerifierKey(publicCheckpointKey(signer)))];
  const verdict = async (some: readonly string[], expected: Expected = { keys: keys() }) => {
    writeFileSync(file('other'), `${some.join('\n')}\n`);
    const verified = await verifyExport(file('other'), expected);
    return verified.ok
      ? `sound: ${verified.value.checkpoints} heads`
      : `${verified.fault.code}: ${verified.fault.message}`;
  };

  it('is sound when every head fits, also from a position on, and only under the key that signed', async () => {
    const heads = Math.floor(size / 4) + 1;
    expect(heads).toBeGreaterThan(3);
    expect(await verdict(lines)).toBe(`sound: ${heads} heads`);
    expect(await verdict(lines, {})).toBe(`sound: ${heads} heads`);
    unwrap(await exportAudit(dataDir, file('tail'), 7, signer));
    const tail = unwrap(await verifyExport(file('tail'), { keys: keys() }));
    expect(tail).toMatchObject({ first: 7, checkpoints: heads - 1, keysGiven: true });
    const stranger = verifierKey(signer.origin, signatureTypes.ed25519, newSigningKeyPair().publicKey);
    expect(await verdict(lines, { keys: [stranger] })).toContain('CHECKPOINT_UNSIGNED');
  });

  it('is found out when it was cut, put in another order, or lost a head, wherever the first line was made to fit', async () => {
    const through = (last: number) =>
      (lines[0] as string).replace(`"throughSequence":${size}`, `"throughSequence":${last}`);
    expect(await verdict(lines.slice(0, -2))).toContain(`it ends at entry ${size - 1}`);
    expect(await verdict([through(6), ...lines.slice(1, 8)])).toContain('entries 5 to 6 are covered by no signed head');
    const withoutLast = lines.filter((line) => !line.includes(`\\n${size}\\n`));
    expect(await verdict(withoutLast)).toMatch(new RegExp(`entries \\d+ to ${size} are covered by no signed head`));
    const swapped = lines.with(2, lines[3] as string).with(3, lines[2] as string);
    expect(await verdict(swapped)).toContain('entry 2 is missing');
    const late = [...lines.slice(0, 5), ...lines.slice(6, 7), lines[5] as string, ...lines.slice(7)];
    expect(await verdict(late)).toContain('after entry 5 stands a head of 4 entries');
  });

  /** Rewrites entry `at`, and every chain digest after it, as somebody would who holds the journal and not the key. */
  const rewritten = (at: number) => {
    let chain = '';
    return lines.map((line) => {
      const row = JSON.parse(line) as { sequence?: number; body?: string; afterChain?: string };
      if (row.afterChain !== undefined) chain = row.afterChain;
      if (row.sequence === undefined || row.body === undefined) return line;
      const body = row.sequence === at ? row.body.replace('"atMs":', '"atMs":1') : row.body;
      chain = chainAfter(chain, body);
      return JSON.stringify({ sequence: row.sequence, body, chain });
    });
  };

  it('is found out when history was rewritten with its chain, and says between which heads', async () => {
    expect(await verdict(rewritten(6))).toMatch(/^LOG_FORKED: .* the first that differs is one of 5 to 8\./);
    expect(await verdict(rewritten(1))).toMatch(/the first that differs is one of 1 to 4\./);
    const chains = rewritten(6).filter((line) => !line.includes('"checkpoint"'));
    expect(await verdict(chains)).toContain(`entries 1 to ${size} are covered by no signed head`);
  });

  it('is found out when rewritten history is handed out in the format that had no heads', async () => {
    const first = JSON.stringify({ format: 'testudo-journal/1', afterSequence: 0, afterChain: chainOrigin });
    const older = [first, ...rewritten(6).filter((line) => line.includes('"sequence"'))];
    expect(await verdict(older, {})).toBe('sound: 0 heads');
    expect(await verdict(older)).toContain('CHECKPOINT_UNSIGNED: this export is in the format of an earlier version');
    const cosigned = [unwrap(parseCheckpoint(JSON.parse(lines.at(-1) as string).checkpoint))];
    expect(await verdict(older, { cosigned })).toContain('CHECKPOINT_UNSIGNED');
  });

  it('is held to what a witness cosigned, even where the thief of the key signed every head anew', async () => {
    const witness = newSigningKeyPair();
    const key = verifierKey('witness.example/w1', signatureTypes.cosignature, witness.publicKey);
    const head = JSON.parse(lines.find((line) => line.includes('\\n8\\n')) as string).checkpoint as string;
    const { note } = unwrap(parseCheckpoint(head));
    const line = cosign(note.text, key.name, witness, 1_800_000_000);
    const cosigned = noteText({ text: note.text, signatures: [...note.signatures, line] });
    const expected = { keys: keys(), witnesses: [key], cosigned: [unwrap(parseCheckpoint(cosigned))] };
    expect(await verdict(lines, { keys: keys(), witnesses: [key] })).toContain('WITNESS_MISSING');
    writeFileSync(file('other'), `${lines.join('\n')}\n`);
    const witnessed = [{ name: key.name, size: 8, atSeconds: 1_800_000_000 }];
    expect(unwrap(await verifyExport(file('other'), expected)).witnessed).toEqual(witnessed);

    const frontier = Frontier.empty();
    const forged = rewritten(6).map((row) => {
      const { chain, checkpoint } = JSON.parse(row) as { chain?: string; checkpoint?: string };
      if (chain !== undefined) frontier.push(leafOf(chain));
      if (checkpoint === undefined) return row;
      const root = frontier.root();
      return JSON.stringify({ checkpoint: signCheckpoint(signer.origin, { size: frontier.size, root }, signer.key) });
    });
    expect(await verdict(forged)).toContain('sound');
    expect(await verdict(forged, expected)).toMatch(/^LOG_FORKED: .* one of 5 to 8\./);
    const cut = [...lines.slice(0, 6)];
    cut[0] = (cut[0] as string).replace(`"throughSequence":${size}`, '"throughSequence":4');
    expect(await verdict(cut)).toBe('sound: 1 heads');
    expect(await verdict(cut, expected)).toContain('entries were taken back');

    expect(unwrap(await keepCosigned(dataDir, cosigned, keys()))).toBe(8);
    unwrap(await exportAudit(dataDir, file('later'), 1, signer));
    const later = unwrap(await verifyExport(file('later'), { keys: keys(), witnesses: [key] }));
    expect(later.witnessed).toEqual(witnessed);

    // The journal rests, and its witness is asked every day.
    for (let day = 1; day <= 63; day++) {
      const again = cosign(note.text, key.name, witness, 1_800_000_000 + day);
      const signatures = [...note.signatures, again];
      unwrap(await keepCosigned(dataDir, noteText({ text: note.text, signatures }), keys()));
    }
    unwrap(await exportAudit(dataDir, file('later'), 1, signer));
    const daily = unwrap(await verifyExport(file('later'), { keys: keys(), witnesses: [key] }));
    expect(daily.witnessed).toEqual([{ name: key.name, size: 8, atSeconds: 1_800_000_063 }]);
    const other = unwrap(lockFolder(join(dataDir, 'cosigning')));
    expect(await keepCosigned(dataDir, cosigned, keys())).toMatchObject({ fault: { code: 'FOLDER_IN_USE' } });
    other.release();
    const foreign = signCheckpoint(signer.origin, { size: 8, root: new Uint8Array(32) }, signer.key);
    expect(await keepCosigned(dataDir, foreign, keys())).toMatchObject({ fault: { code: 'LOG_FORKED' } });
  });

  it('is not needed to show one entry', async () => {
    const proof = unwrap(await proveEntry(dataDir, 5, signer));
    const [entry] = unwrap(await engine.audit(5, 1));
    const shown = unwrap(verifyInclusion(proof, keys()));
    expect(shown).toMatchObject({ sequence: 5 });
    expect(shown.ofEntries).toBeGreaterThanOrEqual(size);
    expect(JSON.parse(shown.body)).toMatchObject({ seq: 5, event: JSON.parse(JSON.stringify(entry?.event)) });
    expect(verifyInclusion(proof.replace('index 4', 'index 5'), keys())).toMatchObject({
      fault: { code: 'PROOF_WRONG' },
    });
    const extra = /^extra (.*)$/m.exec(proof)?.[1] ?? '';
    const other = Buffer.from(Buffer.from(extra, 'base64').toString().replace('atMs', 'atMS')).toString('base64');
    expect(verifyInclusion(proof.replace(extra, other), keys())).toMatchObject({ fault: { code: 'PROOF_WRONG' } });
    expect(await proveEntry(dataDir, size + 100, signer)).toMatchObject({ fault: { code: 'ENTRY_NOT_FOUND' } });
  });
});

it('a line longer than any entry, or than any text can be, is damage and not the end of who reads it', async () => {
  const [whole, cut] = [file('whole'), file('endless')];
  unwrap(await exportAudit(dataDir, whole, 1));
  const start = readFileSync(whole, 'utf8');
  for (const beginning of ['', start]) {
    writeFileSync(cut, beginning);
    truncateSync(cut, start.length + 600 * 2 ** 20); // Zeros without a line end, of which the disk keeps none.
    expect(await verifyExport(cut)).toMatchObject({ fault: { code: 'EXPORT_DAMAGED' } });
  }
});
