import { createPublicKey, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { newSigningKeyPair } from '../../../proto/envelope/crypto/keys.ts';
import { opened, sealed } from './dsse.ts';

const type = 'http://example.com/HelloWorld';
const payload = Buffer.from('hello world');
const [ours, theirs] = [newSigningKeyPair(), newSigningKeyPair()];

describe('a DSSE envelope', () => {
  it('signs what the specification says: its example, checked by Node alone', () => {
    const { signatures } = sealed(type, payload, [ours]);
    const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), ours.publicKey]);
    const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
    const message = Buffer.from('DSSEv1 29 http://example.com/HelloWorld 11 hello world');
    expect(verify(null, message, key, Buffer.from(signatures[0]?.sig ?? '', 'base64'))).toBe(true);
  });

  it('opens for whoever trusts one of its signers', () => {
    const envelope = sealed(type, payload, [ours, theirs]);
    for (const { publicKey } of [ours, theirs]) {
      expect(opened(envelope, type, [publicKey])).toEqual({ ok: true, value: payload });
    }
  });

  it('stays shut for another key, another type, another payload and a signature under a key’s name that is not its own', () => {
    const envelope = sealed(type, payload, [ours]);
    const refused = { ok: false, fault: { code: 'SIGNATURE_INVALID' } };
    expect(opened(envelope, type, [theirs.publicKey])).toMatchObject(refused);
    expect(opened(envelope, 'text/plain', [ours.publicKey])).toMatchObject(refused);
    const changed = { ...envelope, payload: Buffer.from('hello worle').toString('base64') };
    expect(opened(changed, type, [ours.publicKey])).toMatchObject(refused);
    const [sig = { keyid: '', sig: '' }] = envelope.signatures;
    const [other = sig] = sealed(type, payload, [theirs]).signatures;
    const borrowed = { ...envelope, signatures: [{ keyid: sig.keyid, sig: other.sig }] };
    expect(opened(borrowed, type, [ours.publicKey])).toMatchObject(refused);
    expect(opened({ ...envelope, signatures: [] }, type, [ours.publicKey])).toMatchObject(refused);
  });
});
