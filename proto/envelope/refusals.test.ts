import { describe, expect, it } from 'vitest';
import { type Result, unwrap } from '../../base/fault.ts';
import { canonicalTuple } from './crypto/canonical-tuple.ts';
import {
  newRoundKeyPair,
  newSigningKeyPair,
  roundKeyPairOf,
  signingKeyPairOf,
  vetRoundPublicKey,
  vetSigningPublicKey,
} from './crypto/keys.ts';
import { signBytes, signMessage, verifyBytes, verifyMessage } from './crypto/signature.ts';
import { format, sealedLength } from './format.ts';
import { checkContext, checkHeader } from './header.ts';
import { createOpener, createOpenerWith, openStream, payloadKey } from './open.ts';
import { checkReceipt } from './receipt.ts';
import { inPieces, partsOf, sampleContext, sealSample } from './samples.ts';
import { createSealer, sealStream } from './seal.ts';

const faultOf = (result: Result<unknown>) => (result.ok ? result : result.fault);
const context = sampleContext(1_000);
const digest = context.base;
const header = unwrap(
  checkHeader({ ...context, exampleCount: 12, payload: digest, payloadBytes: sealedLength(1_000) }),
);

describe('an update header that is refused', () => {
  it.each<[string, unknown, string]>([
    ['federation', 'No Name', 'a federation id'],
    ['track', 'No Name', 'a track id'],
    ['round', 'r-', 'a round id, "r-" and 1 to 12 digits'],
    ['cluster', '', 'a cluster id'],
    ['base', 'sha256:12', 'the digest of the global model'],
    ['schema', 7, 'the digest of the model spec'],
    ['codec', 'f64le', '"f32le", the only codec there is'],
    ['plainBytes', 1_001, 'a multiple of 4, 4 to 1,073,741,824'],
    ['exampleCount', -1, 'a whole number, 0 to 2^53 - 1'],
    ['exampleCount', '12', 'a whole number, 0 to 2^53 - 1'],
    ['payload', 'sha256:12', 'the SHA-256 digest of the sealed bytes'],
    ['payloadBytes', 7, `${sealedLength(1_000)}, which is what plainBytes implies`],
    ['classes', ['b', 'a'], 'at most 64 class names, ascending, each once'],
    ['provenance', 'sha256:12', "a digest, of a region's round"],
  ])('says what its %s must be, and not what it was: %j', (field, value, legal) => {
    expect(faultOf(checkHeader({ ...header, [field]: value }))).toEqual({
      ...{ code: 'HEADER_INVALID', message: `update header: ${field} must be ${legal}`, fields: { field } },
    });
  });

  it.each([undefined, null, 'header', 7])('is no %j', (candidate) => {
    const fault = { code: 'HEADER_INVALID', message: 'update header: expected an object with the fields of an update' };
    expect(faultOf(checkContext(candidate))).toEqual(fault);
    expect(faultOf(checkHeader(candidate))).toEqual(fault);
  });

  it('may count no example, as a bigint too', () => {
    expect(unwrap(checkHeader({ ...header, exampleCount: 0n })).exampleCount).toBe(0);
    expect(unwrap(checkHeader(header))).not.toHaveProperty('provenance');
  });
});

describe('a receipt that is refused', () => {
  const { federation, track, round, cluster } = context;
  const receipt = { federation, track, round, cluster, payload: digest, sequence: 1, acceptedAtMs: 0 };

  it('was legal at its least', () => {
    expect(checkReceipt(receipt)).toEqual({ ok: true, value: receipt });
  });

  it.each<[string, unknown, string]>([
    ['federation', 'No Name', 'a federation id'],
    ['track', 'No Name', 'a track id'],
    ['round', 'r-', 'a round id'],
    ['cluster', '', 'a cluster id'],
    ['payload', 'sha256:12', 'the SHA-256 digest of the sealed bytes'],
    ['sequence', 0, 'a whole number, 1 to 2^53 - 1'],
    ['acceptedAtMs', -1, 'milliseconds since the epoch, 0 to 2^53 - 1'],
  ])('says what its %s must be: %j', (field, value, legal) => {
    expect(faultOf(checkReceipt({ ...receipt, [field]: value }))).toEqual({
      ...{ code: 'RECEIPT_INVALID', message: `receipt: ${field} must be ${legal}`, fields: { field } },
    });
  });

  it.each([undefined, null, 'receipt', 7])('is no %j', (candidate) => {
    expect(faultOf(checkReceipt(candidate))).toEqual({
      ...{ code: 'RECEIPT_INVALID', message: 'receipt: expected an object with the fields of a receipt' },
    });
  });
});

describe('a key that is refused', () => {
  const le = (value: bigint) => Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse();
  const p = 2n ** 255n - 19n;

  it.each<[string, () => Result<unknown>, string]>([
    ['of another size', () => vetRoundPublicKey(new Uint8Array(31)), 'round key (X25519): expected exactly 32 bytes'],
    ['no bytes', () => vetRoundPublicKey('key'), 'round key (X25519): expected exactly 32 bytes'],
    [
      'of another size',
      () => vetSigningPublicKey(new Uint8Array(33)),
      'signing key (Ed25519): expected exactly 32 bytes',
    ],
    [
      'of small order',
      () => vetRoundPublicKey(new Uint8Array(le(1n))),
      'round key (X25519): a point of small order, which makes the shared secret zero; use a generated key',
    ],
    [
      'not canonical',
      () => vetRoundPublicKey(new Uint8Array(le(p))),
      'round key (X25519): not the canonical encoding of a point; use a generated key',
    ],
    [
      'of small order',
      () => vetSigningPublicKey(new Uint8Array(le(p - 1n))),
      'signing key (Ed25519): a point of small order, for which one signature fits many messages; use a generated key',
    ],
    [
      'not canonical',
      () => vetSigningPublicKey(new Uint8Array(le(p))),
      'signing key (Ed25519): not the canonical encoding of a point; use a generated key',
    ],
    [
      'not on the curve',
      () => vetSigningPublicKey(new Uint8Array(le(2n))),
      'signing key (Ed25519): not a point on the curve; use a generated key',
    ],
  ])('is told why: %s', (_, vet, message) => {
    expect(faultOf(vet())).toEqual({ code: 'KEY_INVALID', message });
  });

  it('throws where it is our own, of another size', () => {
    expect(() => roundKeyPairOf(new Uint8Array(31))).toThrow(
      new RangeError('round secret key: expected exactly 32 bytes'),
    );
    expect(() => signingKeyPairOf(new Uint8Array(33))).toThrow(
      new RangeError('signing seed: expected exactly 32 bytes'),
    );
  });

  it('is of a pair whose secret half is the seed and the public half', () => {
    const seed = Buffer.alloc(32, 5);
    const { publicKey, secretKey } = signingKeyPairOf(seed);
    expect(Buffer.from(secretKey)).toEqual(Buffer.concat([seed, publicKey]));
  });
});

describe('a signature that is refused', () => {
  const pair = newSigningKeyPair();
  const message = Buffer.from('statement');

  it('says whether it has the wrong size, or is another', () => {
    const sized = { code: 'SIGNATURE_INVALID', message: 'signature: expected exactly 64 bytes' };
    const good = signBytes(message, pair);
    for (const wrong of [good.subarray(1), Buffer.concat([good, good]), 'text']) {
      expect(verifyBytes(message, wrong as Uint8Array, pair.publicKey)).toEqual(sized);
    }
    expect(verifyBytes(message, signMessage(message, pair), pair.publicKey)).toEqual({
      ...{
        code: 'SIGNATURE_INVALID',
        message: "signature: not this key's signature over these fields; sign what is sent",
      },
    });
  });

  it('of a message itself is no one over its hash', () => {
    expect(verifyMessage(message, signMessage(message, pair), pair.publicKey)).toBe(true);
    expect(verifyMessage(message, signBytes(message, pair), pair.publicKey)).toBe(false);
    expect(verifyMessage(message, Buffer.alloc(3), pair.publicKey)).toBe(false);
  });
});

it('canonicalTuple says what no field may be', () => {
  const number = 'canonical tuple: a number must be whole, 0 to 2^53 - 1; got ';
  for (const wrong of [-1, 0.5, 2 ** 53]) {
    expect(() => canonicalTuple('t', [wrong])).toThrow(new RangeError(`${number}${wrong}`));
  }
  expect(() => canonicalTuple('t', ['\ud800'])).toThrow(
    new RangeError('canonical tuple: a text must be well-formed Unicode'),
  );
});

describe('a payload that is refused', () => {
  const sample = sealSample(format.chunkBytes + 8);
  const { prologue, chunks } = partsOf(sample);
  const expected = sealedLength(sample.context.plainBytes);
  const keyFault = (bytes: Buffer, of = sample.context, round = sample.round) => faultOf(payloadKey(bytes, of, round));
  const changed = (at: number) => Buffer.from(prologue).fill((prologue[at] as number) ^ 1, at, at + 1);
  const truncated = {
    ...{ code: 'PAYLOAD_TRUNCATED', fields: { expected } },
    message: `open: the payload ends early; expected exactly ${expected} bytes; resume the upload`,
  };
  const tooLong = {
    ...{ code: 'PAYLOAD_LENGTH_MISMATCH', fields: { expected } },
    message: `open: the payload goes on past its ${expected} bytes; seal it anew`,
  };

  it('says what is wrong with its head', () => {
    expect(keyFault(prologue.subarray(1))).toEqual(truncated);
    const magic = 'open: the payload does not begin with "TSTU"; seal it with this format';
    expect(keyFault(changed(0))).toEqual({ code: 'PAYLOAD_MALFORMED', message: magic });
    const version = 'open: expected format version 1 with chunks of 2^18 bytes; update the older side';
    for (const at of [4, 5]) expect(keyFault(changed(at))).toEqual({ code: 'PAYLOAD_MALFORMED', message: version });
    const wrongKey = {
      code: 'PAYLOAD_WRONG_KEY',
      message: "open: the payload is not sealed to this round's key, or its head was changed",
    };
    expect(keyFault(prologue, sample.context, newRoundKeyPair())).toEqual(wrongKey);
    expect(keyFault(changed(60))).toEqual(wrongKey);
  });

  it('says which chunk is not what was sealed, too short or too long', () => {
    const opener = unwrap(createOpener(prologue, sample.context, sample.round));
    const flipped = Buffer.from(chunks[1] as Buffer);
    flipped[0] = (flipped[0] as number) ^ 1;
    expect(faultOf(opener.openChunk(1, flipped))).toEqual({
      ...{ code: 'PAYLOAD_TAMPERED', fields: { chunk: 1 } },
      message: 'open: chunk 1 is not what was sealed here for this context; treat the sender or the path as hostile',
    });
    expect(faultOf(opener.openChunk(1, flipped.subarray(1)))).toEqual(truncated);
    expect(faultOf(opener.openChunk(1, Buffer.concat([flipped, flipped])))).toEqual(tooLong);
    for (const index of [-1, 0.5, 2]) {
      expect(() => opener.openChunk(index, flipped)).toThrow(new RangeError(`open: chunk ${index} of 2`));
    }
  });

  it('opens with its own key, which is wiped with its opener', () => {
    const key = unwrap(payloadKey(prologue, sample.context, sample.round));
    const opener = unwrap(createOpenerWith(key, sample.context));
    expect(unwrap(opener.openChunk(1, chunks[1] as Buffer))).toEqual(sample.plain.subarray(format.chunkBytes));
    opener.wipe();
    expect(key).toEqual(Buffer.alloc(32));
    expect(faultOf(createOpenerWith(key, { ...sample.context, plainBytes: 7 }))).toMatchObject({
      code: 'HEADER_INVALID',
    });
  });

  it('lets go of its source, whatever was wrong', async () => {
    let isClosed = false;
    async function* source(bytes: Buffer) {
      try {
        yield bytes;
      } finally {
        isClosed = true;
      }
    }
    const wrong = source(Buffer.concat([changed(0), ...chunks]));
    await expect(openStream(wrong, sample.context, sample.round).next()).rejects.toThrow('does not begin with "TSTU"');
    expect(isClosed).toBe(true);
  });
});

describe('a plaintext that is refused', () => {
  const of = sampleContext(8);
  const round = newRoundKeyPair();

  it('says whether it is short or long of what its context declares', async () => {
    const all = async (bytes: number) => {
      for await (const _ of sealStream(inPieces(Buffer.alloc(bytes)), of, round.publicKey));
    };
    const said = (how: string) => ({
      fault: {
        ...{ code: 'PLAIN_LENGTH_MISMATCH', fields: { expected: 8 } },
        message: `seal: the plaintext ${how}; expected exactly 8 bytes, as the context declares`,
      },
    });
    await expect(all(7)).rejects.toMatchObject(said('ended early'));
    await expect(all(9)).rejects.toMatchObject(said('goes on'));
    await expect(all(8)).resolves.toBeUndefined();
  });

  it('comes chunk by chunk, each once, of its length', () => {
    const sealer = unwrap(createSealer(of, round.publicKey));
    expect(() => sealer.sealChunk(1, Buffer.alloc(8))).toThrow(new RangeError('seal: expected chunk 0 of 1'));
    expect(() => sealer.sealChunk(0, Buffer.alloc(7))).toThrow(new RangeError('seal: chunk 0 has the wrong length, 7'));
    sealer.sealChunk(0, Buffer.alloc(8));
    for (const index of [0, 1]) {
      expect(() => sealer.sealChunk(index, Buffer.alloc(8))).toThrow(new RangeError('seal: expected chunk 1 of 1'));
    }
  });
});
