// Own process: it takes from its process that its files may grow.
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import { newRoundKeyPair } from '../crypto/keys.ts';
import { format } from '../format.ts';
import { codeOf, sampleContext } from '../samples.ts';
import { withFilesOf } from '../testing/full-disk.ts';
import { openSealWriter } from './seal-writer.ts';

const chunk = format.chunkBytes;
const roundPublicKey = newRoundKeyPair().publicKey;
let dir: string;
const targetOf = (plainBytes: number) => ({
  ...{ sealedPath: path.join(dir, 'sealed'), context: sampleContext(plainBytes), roundPublicKey },
});
const refused = (errno: string) => ({
  ...{ code: 'STORAGE_FAILED', fields: { errno } },
  message: expect.stringMatching(new RegExp(`^seal: write the sealed file: \\w+ failed with ${errno};.* free space$`)),
});

beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'testudo-full-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

it('a writer on a disk that takes nothing is refused at once, and leaves nothing', () => {
  const opened = withFilesOf(0, () => openSealWriter(targetOf(8)));
  expect(opened).toEqual({ ok: false, fault: refused('EFBIG') });
  expect(readdirSync(dir)).toEqual([]);
});

it('a writer on a disk that fills up stops there, keeps to that fault whatever comes after it, and leaves nothing', () => {
  const writer = unwrap(openSealWriter(targetOf(3 * chunk)));
  expect(writer.write(Buffer.alloc(chunk))).toBeUndefined();
  const plain = Buffer.alloc(2 * chunk);
  expect(withFilesOf(chunk + chunk / 2, () => writer.write(plain))).toEqual(refused('EFBIG'));
  expect(readdirSync(dir)).toEqual([]);
  expect(writer.write(plain)).toEqual(refused('EFBIG'));
  expect(writer.finish()).toEqual({ ok: false, fault: refused('EFBIG') });
  writer.abandon();
  expect(readdirSync(dir)).toEqual([]);
});

it('a writer that is stopped for too few bytes says so to whoever brings more', () => {
  const writer = unwrap(openSealWriter(targetOf(8)));
  writer.write(Buffer.alloc(4));
  expect(codeOf(writer.finish())).toBe('PLAIN_LENGTH_MISMATCH');
  expect(writer.write(Buffer.alloc(4))).toMatchObject({ message: expect.stringMatching(/ended early/) });
  expect(readdirSync(dir)).toEqual([]);
});

it('a writer whose place was taken by a folder is refused at its end, and leaves the folder', () => {
  const writer = unwrap(openSealWriter(targetOf(8)));
  mkdirSync(path.join(dir, 'sealed', 'own'), { recursive: true });
  expect(writer.write(Buffer.alloc(8))).toBeUndefined();
  expect(writer.finish()).toEqual({ ok: false, fault: refused('EISDIR') });
  expect(readdirSync(dir)).toEqual(['sealed']);
  expect(readdirSync(path.join(dir, 'sealed'))).toEqual(['own']);
});
