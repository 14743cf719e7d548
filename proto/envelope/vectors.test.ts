import { describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { digestOf } from '../digest.ts';
import { roundKeyPairOf, signingKeyPairOf } from './crypto/keys.ts';
import { chunkCount, chunkPlainBytes, format } from './format.ts';
import { checkHeader, contextBytes, headerBytes, signHeader, type UpdateContext, verifyHeader } from './header.ts';
import { openStream } from './open.ts';
import { checkReceipt, receiptBytes, signReceipt, verifyReceipt } from './receipt.ts';
import { codeOf, drain, inPieces, partsOf, sampleContext, samplePlain } from './samples.ts';
import { createSealer } from './seal.ts';
import vectors from './vectors.json' with { type: 'json' };

const fromHex = (text: string) => Buffer.from(text, 'hex');
const round = roundKeyPairOf(fromHex(vectors.round.secretKey));
const signing = signingKeyPairOf(fromHex(vectors.signing.seed));
type Vector = (typeof vectors.payloads)[number];

/** The payload of a vector, sealed anew with the vector's secrets. */
function reseal(vector: Vector): { prologue: Buffer; chunks: { cipher: Buffer; tag: Buffer }[]; sealed: Buffer } {
  const secrets = {
    ephemeral: roundKeyPairOf(fromHex(vector.ephemeralSecretKey)),
    contentKey: fromHex(vector.contentKey),
  };
  const { prologue, sealChunk } = unwrap(createSealer(sampleContext(vector.plainBytes), round.publicKey, secrets));
  const plain = samplePlain(vector.plainBytes);
  const chunks = Array.from({ length: chunkCount(vector.plainBytes) }, (_, index) => {
    const start = index * format.chunkBytes;
    return sealChunk(index, plain.subarray(start, start + chunkPlainBytes(vector.plainBytes, index)));
  });
  const sealed = Buffer.concat([prologue, ...chunks.flatMap(({ cipher, tag }) => [cipher, tag])]);
  return { prologue, chunks, sealed };
}

function vectorOf(plainBytes: number): Vector {
  return vectors.payloads.find((vector) => vector.plainBytes === plainBytes) as Vector;
}

describe('vectors.json', () => {
  it('is the file that was fixed: a change of it is a change of the format', () => {
    expect(digestOf(Buffer.from(JSON.stringify(vectors)))).toBe(
      'sha256:c38e2fbf6298920c7fadb5a534859c434a3eeb9145180312695413d8f5ff7e0a',
    );
  });

  it('has the keys of its secrets', () => {
    expect(Buffer.from(round.publicKey).toString('hex')).toBe(vectors.round.publicKey);
    expect(Buffer.from(signing.publicKey).toString('hex')).toBe(vectors.signing.publicKey);
  });

  it.each(vectors.payloads)('seals $plainBytes bytes to the same payload', (vector) => {
    const { prologue, chunks, sealed } = reseal(vector);
    expect(contextBytes(sampleContext(vector.plainBytes)).toString('hex')).toBe(vector.contextBytes);
    expect(digestOf(samplePlain(vector.plainBytes))).toBe(vector.plainSha256);
    expect(prologue.toString('hex')).toBe(vector.prologue);
    expect(chunks.map(({ tag }) => tag.toString('hex'))).toEqual(vector.tags);
    expect(sealed.byteLength).toBe(vector.sealedBytes);
    expect(digestOf(sealed)).toBe(vector.payload);
    if (vector.sealed !== undefined) expect(sealed.toString('hex')).toBe(vector.sealed);
  });

  it.each(vectors.payloads)('opens its payload of $plainBytes bytes', async (vector) => {
    const { bytes, code } = await drain(
      openStream(inPieces(reseal(vector).sealed), sampleContext(vector.plainBytes), round),
    );
    expect(code).toBeUndefined();
    expect(digestOf(bytes)).toBe(vector.plainSha256);
  });

  it.each(vectors.refused.payloads)(
    'refuses $name with $code',
    async ({ plainBytes, sealed, chunks, declared, code }) => {
      const context = { ...sampleContext(plainBytes), ...declared } as UpdateContext;
      let bytes = fromHex(sealed ?? '');
      if (chunks !== undefined) {
        const parts = partsOf({ sealed: reseal(vectorOf(plainBytes)).sealed, context: sampleContext(plainBytes) });
        bytes = Buffer.concat([parts.prologue, ...chunks.map((n) => parts.chunks[n] as Buffer)]);
      }
      expect((await drain(openStream(inPieces(bytes), context, round))).code).toBe(code);
    },
  );

  it('signs its header to the same bytes, and verifies it', () => {
    const header = unwrap(checkHeader(vectors.header.fields));
    expect(headerBytes(header).toString('hex')).toBe(vectors.header.bytes);
    expect(signHeader(header, signing).toString('hex')).toBe(vectors.header.signature);
    expect(codeOf(verifyHeader(header, fromHex(vectors.header.signature), signing.publicKey))).toBe('ok');
  });

  it('signs its receipt to the same bytes, and verifies it', () => {
    const receipt = unwrap(checkReceipt(vectors.receipt.fields));
    expect(receiptBytes(receipt).toString('hex')).toBe(vectors.receipt.bytes);
    expect(signReceipt(receipt, signing).toString('hex')).toBe(vectors.receipt.signature);
    expect(codeOf(verifyReceipt(receipt, fromHex(vectors.receipt.signature), signing.publicKey))).toBe('ok');
  });

  it.each(vectors.refused.headerSignatures)("refuses $name as the header's signature", ({ signature }) => {
    const header = unwrap(checkHeader(vectors.header.fields));
    expect(codeOf(verifyHeader(header, fromHex(signature), signing.publicKey))).toBe('SIGNATURE_INVALID');
  });
});
