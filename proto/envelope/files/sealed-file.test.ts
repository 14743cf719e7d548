import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import { digestOf } from '../../digest.ts';
import { newRoundKeyPair } from '../crypto/keys.ts';
import { format, sealedLength } from '../format.ts';
import { codeOf, otherContexts, sampleContext, samplePlain, sealSample } from '../samples.ts';
import { openSealWriter } from './seal-writer.ts';
import { openFileSync, sealFileSync } from './sealed-file.ts';

const chunk = format.chunkBytes;
const round = newRoundKeyPair();
let dir: string;
const at = (name: string) => path.join(dir, name);

beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'testudo-sealed-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('sealFileSync and openFileSync', () => {
  it.each([4, chunk - 4, chunk, chunk + 4, 5 * chunk + 400])('carry %i bytes there and back', (plainBytes) => {
    const context = sampleContext(plainBytes);
    const plain = samplePlain(plainBytes);
    writeFileSync(at('plain'), plain);
    const sealed = unwrap(
      sealFileSync({ plainPath: at('plain'), sealedPath: at('sealed'), context, roundPublicKey: round.publicKey }),
    );
    const bytes = readFileSync(at('sealed'));
    expect(sealed).toEqual({ payload: digestOf(bytes), payloadBytes: sealedLength(plainBytes) });
    expect(bytes).toHaveLength(sealedLength(plainBytes));

    const opened = openFileSync({
      sealedPath: at('sealed'),
      plainPath: at('again'),
      context,
      round,
      payload: sealed.payload,
    });
    expect(opened).toEqual({ ok: true, value: { payload: sealed.payload, plainBytes } });
    expect(readFileSync(at('again')).equals(plain)).toBe(true);
    expect(readdirSync(dir).sort()).toEqual(['again', 'plain', 'sealed']);
  });
});

describe('sealFileSync', () => {
  const seal = (plainBytes: number, plainPath = at('plain'), sealedPath = at('sealed'), key = round.publicKey) =>
    sealFileSync({ plainPath, sealedPath, context: sampleContext(plainBytes), roundPublicKey: key });

  it.each([0, 4, chunk, 2 * chunk - 4, 2 * chunk + 4, 4 * chunk])(
    'leaves nothing when %i bytes come for two chunks',
    (actual) => {
      writeFileSync(at('plain'), Buffer.alloc(actual));
      expect(codeOf(seal(2 * chunk))).toBe('PLAIN_LENGTH_MISMATCH');
      expect(readdirSync(dir)).toEqual(['plain']);
    },
  );

  it('leaves nothing, and an older file as it was, when it cannot read, write or use the key', () => {
    writeFileSync(at('sealed'), 'older');
    writeFileSync(at('plain'), Buffer.alloc(4));
    expect(codeOf(seal(4, at('missing')))).toBe('STORAGE_FAILED');
    expect(codeOf(seal(4, dir))).toBe('STORAGE_FAILED');
    expect(codeOf(seal(4, at('plain'), at('no/such/folder')))).toBe('STORAGE_FAILED');
    expect(codeOf(seal(4, at('plain'), at('sealed'), new Uint8Array(32)))).toBe('KEY_INVALID');
    expect(readFileSync(at('sealed'), 'utf8')).toBe('older');
    expect(readdirSync(dir).sort()).toEqual(['plain', 'sealed']);
  });
});

describe('openSealWriter', () => {
  it('makes one payload of pieces of any size', () => {
    const plainBytes = 2 * chunk + 1_000;
    const plain = samplePlain(plainBytes);
    const cuts = fc.array(fc.oneof(fc.integer({ min: 0, max: 700 }), fc.integer({ min: chunk - 9, max: chunk + 9 })), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(cuts, (sizes) => {
        const writer = unwrap(
          openSealWriter({
            sealedPath: at('sealed'),
            context: sampleContext(plainBytes),
            roundPublicKey: round.publicKey,
          }),
        );
        let start = 0;
        for (const size of sizes) {
          expect(writer.write(plain.subarray(start, start + size))).toBeUndefined();
          start = Math.min(plainBytes, start + size);
        }
        expect(writer.write(plain.subarray(start))).toBeUndefined();
        const { payload } = unwrap(writer.finish());
        unwrap(
          openFileSync({
            sealedPath: at('sealed'),
            plainPath: at('plain'),
            context: sampleContext(plainBytes),
            round,
            payload,
          }),
        );
        expect(readFileSync(at('plain')).equals(plain)).toBe(true);
      }),
      { numRuns: 25 },
    );
  });

  it('keeps to the first fault, and leaves nothing after it or after being abandoned', () => {
    const target = { sealedPath: at('sealed'), context: sampleContext(8), roundPublicKey: round.publicKey };
    const writer = unwrap(openSealWriter(target));
    expect(writer.write(Buffer.alloc(9))).toMatchObject({
      ...{ code: 'PLAIN_LENGTH_MISMATCH', fields: { expected: 8 } },
      message: 'seal: the plaintext goes on; expected exactly 8 bytes, as the context declares',
    });
    expect(writer.write(Buffer.alloc(1))?.code).toBe('PLAIN_LENGTH_MISMATCH');
    expect(codeOf(writer.finish())).toBe('PLAIN_LENGTH_MISMATCH');
    const short = unwrap(openSealWriter(target));
    short.write(Buffer.alloc(4));
    expect(short.finish()).toMatchObject({
      fault: { message: 'seal: the plaintext ended early; expected exactly 8 bytes, as the context declares' },
    });
    const other = unwrap(openSealWriter(target));
    other.write(Buffer.alloc(4));
    other.abandon();
    other.abandon();
    expect(readdirSync(dir)).toEqual([]);
  });
});

describe('openFileSync', () => {
  const sample = sealSample(2 * chunk + 100, round);
  const open = (sealed: Uint8Array, change: Partial<Parameters<typeof openFileSync>[0]> = {}) => {
    writeFileSync(at('sealed'), sealed);
    return openFileSync({
      sealedPath: at('sealed'),
      plainPath: at('plain'),
      context: sample.context,
      round,
      ...change,
    });
  };

  it('leaves no output, and an older file as it was, whatever is wrong with the payload', () => {
    writeFileSync(at('plain'), 'older');
    const spoil = fc.oneof(
      fc.tuple(fc.nat(sample.sealed.byteLength - 1), fc.integer({ min: 1, max: 255 })).map(([where, mask]) => {
        const changed = Buffer.from(sample.sealed);
        changed[where] = (changed[where] as number) ^ mask;
        return changed;
      }),
      fc.nat(sample.sealed.byteLength - 1).map((length) => sample.sealed.subarray(0, length)),
      fc.uint8Array({ minLength: 1, maxLength: 9 }).map((more) => Buffer.concat([sample.sealed, more])),
    );
    fc.assert(
      fc.property(spoil, (sealed) => {
        expect(codeOf(open(sealed))).toMatch(/^(PAYLOAD_|KEY_INVALID)/);
        expect(readFileSync(at('plain'), 'utf8')).toBe('older');
        expect(readdirSync(dir).sort()).toEqual(['plain', 'sealed']);
        expect(readFileSync(at('sealed')).equals(sealed)).toBe(true); // What was stored stays stored.
      }),
      { numRuns: 300 },
    );
  });

  it('refuses another digest than the signed one, another key and every other context', () => {
    const payload = digestOf(Buffer.from('another'));
    expect(open(sample.sealed, { payload })).toEqual({
      ok: false,
      fault: {
        ...{ code: 'PAYLOAD_DIGEST_MISMATCH', fields: { expected: payload, actual: digestOf(sample.sealed) } },
        message: 'open: the payload opens but is not the one whose digest was signed; ask for the upload again',
      },
    });
    expect(codeOf(open(sample.sealed, { round: newRoundKeyPair() }))).toBe('PAYLOAD_WRONG_KEY');
    for (const context of Object.values(otherContexts(sample.plain.byteLength))) {
      expect(codeOf(open(sample.sealed, { context }))).toBe('PAYLOAD_TAMPERED');
    }
    expect(readdirSync(dir)).toEqual(['sealed']);
  });

  it.each([0, -1, 2 ** 31, 2 ** 53])('refuses a declared size of %s', (plainBytes) => {
    expect(codeOf(open(sample.sealed, { context: { ...sample.context, plainBytes } }))).toBe('HEADER_INVALID');
  });

  it('keeps no file open, whatever came of it', () => {
    const openCount = () => readdirSync('/proc/self/fd').length;
    writeFileSync(at('given'), sample.plain);
    const seal = (plainPath: string) =>
      sealFileSync({ plainPath, sealedPath: at('other'), context: sample.context, roundPublicKey: round.publicKey });
    const before = openCount();
    for (let turn = 0; turn < 3; turn++) {
      expect(codeOf(open(sample.sealed))).toBe('ok');
      expect(codeOf(open(sample.sealed.subarray(1)))).toBe('PAYLOAD_TRUNCATED');
      expect(codeOf(open(sample.sealed, { plainPath: at('no/such/folder') }))).toBe('STORAGE_FAILED');
      expect(codeOf(seal(at('given')))).toBe('ok');
      expect(codeOf(seal(dir))).toBe('STORAGE_FAILED');
    }
    expect(openCount()).toBe(before);
  });

  it('says what it was at when a file could not be read or written, and not which file', () => {
    const messageOf = (result: Readonly<{ ok: true } | { ok: false; fault: { message: string } }>) =>
      result.ok ? '' : result.fault.message;
    const seal = (plainPath: string, sealedPath: string) =>
      sealFileSync({ plainPath, sealedPath, context: sample.context, roundPublicKey: round.publicKey });
    const failed = 'open failed with ENOENT; check the path, its rights and free space';
    writeFileSync(at('given'), sample.plain);
    expect(messageOf(open(sample.sealed, { sealedPath: at('missing') }))).toBe(`open: open the sealed file: ${failed}`);
    expect(messageOf(open(sample.sealed, { plainPath: at('no/folder') }))).toBe(`open: write the plaintext: ${failed}`);
    expect(messageOf(seal(at('missing'), at('other')))).toBe(`seal: read the plaintext: ${failed}`);
    expect(messageOf(seal(at('given'), at('no/folder')))).toBe(`seal: create the sealed file: ${failed}`);
  });

  it('says so when it cannot read or write', () => {
    expect(codeOf(open(sample.sealed, { sealedPath: at('missing') }))).toBe('STORAGE_FAILED');
    expect(codeOf(open(sample.sealed, { plainPath: at('no/such/folder') }))).toBe('STORAGE_FAILED');
    expect(codeOf(open(sample.sealed))).toBe('ok');
  });
});
