import { describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { digestOf } from '../digest.ts';
import { RoundInvitation } from '../generated/testudo/v1/federation.ts';
import { canonicalTuple, type TupleField } from './crypto/canonical-tuple.ts';
import { newSigningKeyPair } from './crypto/keys.ts';
import { signBytes } from './crypto/signature.ts';
import {
  checkEvidenceReceipt,
  type EvidenceReceipt,
  signEvidenceReceipt,
  verifyEvidenceReceipt,
} from './evidence-receipt.ts';
import { signInvitation, verifyInvitation } from './invitation-proof.ts';
import { type RejoinStatement, signRejoin, verifyRejoin } from './rejoin-proof.ts';
import { type RenewalStatement, signRenewal, verifyRenewal } from './renewal-proof.ts';
import { codeOf } from './samples.ts';

const pair = newSigningKeyPair();
const other = newSigningKeyPair();
/** What anybody would sign who reads docs/protocol.md: the domain tag, then the fields in their order. */
const signed = (tag: string, fields: readonly TupleField[]) => signBytes(canonicalTuple(tag, fields), pair);
const request = Buffer.from('a certificate request');

describe('a proof of renewal', () => {
  const statement: RenewalStatement = { federation: 'herd', cluster: 'a', certificateRequest: request };

  it('is for its federation, cluster and request alone, by the enrolled key', () => {
    const proof = signRenewal(statement, pair);
    expect(proof).toEqual(signed('testudo/v1/renew', ['herd', 'a', request]));
    expect(verifyRenewal(statement, proof, pair.publicKey)).toBeUndefined();
    for (const change of [{ federation: 'flock' }, { cluster: 'b' }, { certificateRequest: Buffer.from('another') }]) {
      expect(verifyRenewal({ ...statement, ...change }, proof, pair.publicKey)?.code).toBe('SIGNATURE_INVALID');
    }
    expect(verifyRenewal(statement, proof, other.publicKey)?.code).toBe('SIGNATURE_INVALID');
    expect(verifyRenewal(statement, proof, new Uint8Array(32))?.code).toBe('KEY_INVALID');
  });
});

describe('a proof of rejoining', () => {
  const challenge = Buffer.from('once');
  const statement: RejoinStatement = { federation: 'herd', cluster: 'a', certificateRequest: request, challenge };

  it('answers one challenge, for its federation, cluster and request alone', () => {
    const proof = signRejoin(statement, pair);
    expect(proof).toEqual(signed('testudo/v1/rejoin', ['herd', 'a', request, challenge]));
    expect(verifyRejoin(statement, proof, pair.publicKey)).toBeUndefined();
    const changes = [
      { federation: 'flock' },
      { cluster: 'b' },
      { certificateRequest: challenge },
      { challenge: request },
    ];
    for (const change of changes) {
      expect(verifyRejoin({ ...statement, ...change }, proof, pair.publicKey)?.code).toBe('SIGNATURE_INVALID');
    }
    expect(verifyRejoin(statement, signRenewal(statement, pair), pair.publicKey)?.code).toBe('SIGNATURE_INVALID');
  });
});

describe("an invitation's signature", () => {
  const digest = digestOf(Buffer.from('base'));
  const schemaDigest = digestOf(Buffer.from('schema'));
  const sampleDigest = digestOf(Buffer.from('sample'));
  const full = RoundInvitation.fromPartial({
    ...{ federation: 'herd', track: 'syscall', round: 'r-7', base: { version: 3n, digest }, spec: { schemaDigest } },
    ...{ roundKey: Buffer.alloc(32, 7), closesAtMs: 1_767_225_600_000n, approvedClasses: ['nginx', 'redis'] },
    plan: {
      ...{ epochs: 2, stepsMax: 300, batchSize: 16, learningRate: 0.1, clipNorm: 1.5, noiseMultiplier: 0.25 },
      ...{ proximalMu: 0.01, seed: 9n, sampleMix: 0.5, sampleDigest, sampleBytes: 640n },
    },
  });

  it('is of everything that training goes by, in one form', () => {
    expect(signInvitation(full, 'a', pair)).toEqual(
      signed('testudo/v1/invitation', [
        ...['herd', 'a', 'syscall', 'r-7', '3', digest, schemaDigest],
        Buffer.alloc(32, 7),
        ...['1767225600000', '2', '300', '16', '0.1', '1.5', '0.25', '0.01', '9', '0.5', sampleDigest, '640'],
        'nginx,redis',
      ]),
    );
  });

  it('writes what is absent as an empty text', () => {
    const bare = { ...full, base: undefined, spec: undefined, plan: undefined, approvedClasses: [] };
    expect(signInvitation(bare, 'a', pair)).toEqual(
      signed('testudo/v1/invitation', [
        ...['herd', 'a', 'syscall', 'r-7', '', '', ''],
        Buffer.alloc(32, 7),
        ...['1767225600000', '', '', '', '', '', '', '', '', '', '', ''],
        '',
      ]),
    );
  });

  it('is for one cluster, by the key that signs receipts', () => {
    const invitation = { ...full, signature: signInvitation(full, 'a', pair) };
    expect(verifyInvitation(invitation, 'a', pair.publicKey)).toBeUndefined();
    expect(verifyInvitation(invitation, 'b', pair.publicKey)?.code).toBe('SIGNATURE_INVALID');
    expect(verifyInvitation({ ...invitation, round: 'r-8' }, 'a', pair.publicKey)?.code).toBe('SIGNATURE_INVALID');
    expect(verifyInvitation(invitation, 'a', other.publicKey)?.code).toBe('SIGNATURE_INVALID');
  });
});

describe('an evidence receipt', () => {
  const digest = digestOf(Buffer.from('head'));
  const receipt = unwrap(
    checkEvidenceReceipt({
      ...{ federation: 'herd', cluster: 'a', signer: 'ab'.repeat(32), record: 5n, digest, sequence: 7 },
      ...{ acceptedAtMs: 1_767_225_600_000n, more: true },
    }),
  );

  it('has its fields and no others, as numbers', () => {
    expect(receipt).toEqual({
      ...{ federation: 'herd', cluster: 'a', signer: 'ab'.repeat(32), record: 5, digest, sequence: 7 },
      acceptedAtMs: 1_767_225_600_000,
    });
    const least = { ...receipt, record: 1, sequence: 1, acceptedAtMs: 0 };
    expect(checkEvidenceReceipt(least)).toEqual({ ok: true, value: least });
  });

  it.each<[string, unknown, string]>([
    ['federation', 'No Name', 'a federation id'],
    ['cluster', '', 'a cluster id'],
    ['signer', 'ab'.repeat(31), '64 hexadecimal digits'],
    ['signer', `0${'ab'.repeat(32)}`, '64 hexadecimal digits'],
    ['signer', `${'ab'.repeat(32)}0`, '64 hexadecimal digits'],
    ['signer', ['ab'.repeat(32)], '64 hexadecimal digits'],
    ['digest', 'sha256:12', 'a SHA-256 digest'],
    ['record', 0, 'a whole number, 1 to 2^53 - 1'],
    ['record', -1, 'a whole number, 1 to 2^53 - 1'],
    ['sequence', 0, 'a whole number, 1 to 2^53 - 1'],
    ['sequence', 0.5, 'a whole number, 1 to 2^53 - 1'],
    ['acceptedAtMs', -1, 'milliseconds since the epoch, 0 to 2^53 - 1'],
  ])('names what is wrong with its %s: %j', (field, value, legal) => {
    expect(checkEvidenceReceipt({ ...receipt, [field]: value })).toEqual({
      ok: false,
      fault: { code: 'RECEIPT_INVALID', message: `evidence receipt: ${field} must be ${legal}`, fields: { field } },
    });
  });

  it.each([undefined, null, 'receipt', 7])('is no %j', (candidate) => {
    expect(checkEvidenceReceipt(candidate)).toMatchObject({
      fault: { code: 'RECEIPT_INVALID', message: 'evidence receipt: it must be an object' },
    });
  });

  it('is signed in every field', () => {
    const signature = signEvidenceReceipt(receipt, pair);
    const { federation, cluster, signer, record, sequence, acceptedAtMs } = receipt;
    const fields = [federation, cluster, signer, record, digest, sequence, acceptedAtMs];
    expect(signature).toEqual(signed('testudo/v1/evidence-receipt', fields));
    expect(verifyEvidenceReceipt(receipt, signature, pair.publicKey)).toEqual({ ok: true, value: receipt });
    for (const field of Object.keys(receipt) as (keyof EvidenceReceipt)[]) {
      const value = typeof receipt[field] === 'number' ? receipt[field] + 1 : `${receipt[field]}0`;
      const changed = { ...receipt, [field]: value } as EvidenceReceipt;
      expect(codeOf(verifyEvidenceReceipt(changed, signature, pair.publicKey))).toBe('SIGNATURE_INVALID');
    }
    expect(codeOf(verifyEvidenceReceipt(receipt, signature, new Uint8Array(32)))).toBe('KEY_INVALID');
  });
});
