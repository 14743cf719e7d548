import { createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import nacl from 'tweetnacl';
import { describe, expect, it } from 'vitest';
import { codeOf } from '../samples.ts';
import vectors from '../vectors.json' with { type: 'json' };
import {
  newRoundKeyPair,
  newSigningKeyPair,
  roundKeyPairOf,
  signingKeyPairOf,
  vetRoundPublicKey,
  vetSigningPublicKey,
  wipeKeyPair,
} from './keys.ts';
import { signMessage, verifyMessage } from './signature.ts';

const fromHex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));
const seed = fc.uint8Array({ minLength: 32, maxLength: 32 });

function nativePublicKey(privateHead: string, secret: Uint8Array): Buffer {
  const der = Buffer.concat([Buffer.from(privateHead, 'hex'), secret]);
  const key = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }));
  return key.export({ format: 'der', type: 'spki' }).subarray(-32);
}

function nativeSharedSecret(secret: Uint8Array, publicKey: Uint8Array): Buffer {
  const privateDer = Buffer.concat([Buffer.from('302e020100300506032b656e04220420', 'hex'), secret]);
  const publicDer = Buffer.concat([Buffer.from('302a300506032b656e032100', 'hex'), publicKey]);
  return diffieHellman({
    privateKey: createPrivateKey({ key: privateDer, format: 'der', type: 'pkcs8' }),
    publicKey: createPublicKey({ key: publicDer, format: 'der', type: 'spki' }),
  });
}

describe('key pairs', () => {
  it('have the same bytes in tweetnacl and in node:crypto', () => {
    fc.assert(
      fc.property(seed, (secret) => {
        expect(roundKeyPairOf(secret)).toEqual(nacl.box.keyPair.fromSecretKey(secret));
        expect(signingKeyPairOf(secret)).toEqual(nacl.sign.keyPair.fromSeed(secret));
        expect(Buffer.from(signingKeyPairOf(secret).publicKey)).toEqual(
          nativePublicKey('302e020100300506032b657004220420', secret),
        );
      }),
      { numRuns: 50 },
    );
  });

  it('are fresh each time, and pass their own vetting', () => {
    for (let turn = 0; turn < 20; turn++) {
      expect(codeOf(vetRoundPublicKey(newRoundKeyPair().publicKey))).toBe('ok');
      expect(codeOf(vetSigningPublicKey(newSigningKeyPair().publicKey))).toBe('ok');
    }
    expect(newRoundKeyPair().publicKey).not.toEqual(newRoundKeyPair().publicKey);
    expect(newSigningKeyPair().publicKey).not.toEqual(newSigningKeyPair().publicKey);
  });

  it('do not share memory with the secret they were read from, and can be wiped', () => {
    const secret = fromHex(vectors.round.secretKey);
    const pair = roundKeyPairOf(secret);
    wipeKeyPair(pair);
    expect(pair.secretKey).toEqual(new Uint8Array(32));
    expect(secret).toEqual(fromHex(vectors.round.secretKey));
    const signing = signingKeyPairOf(fromHex(vectors.signing.seed));
    const [message, publicKey] = [Uint8Array.of(1), signing.publicKey];
    expect(verifyMessage(message, signMessage(message, signing), publicKey)).toBe(true);
    wipeKeyPair(signing);
    expect(signing.secretKey).toEqual(new Uint8Array(64));
    // What was read of it to sign is gone with it.
    expect(verifyMessage(message, signMessage(message, signing), publicKey)).toBe(false);
  });

  it.each([0, 31, 33, 64])('are not made from %i bytes', (length) => {
    expect(() => roundKeyPairOf(new Uint8Array(length))).toThrow(RangeError);
    expect(() => signingKeyPairOf(new Uint8Array(length))).toThrow(RangeError);
  });
});

describe('vetRoundPublicKey', () => {
  it.each(vectors.refused.roundKeys)('refuses $name: $key', ({ key }) => {
    expect(codeOf(vetRoundPublicKey(fromHex(key)))).toBe('KEY_INVALID');
  });

  it('lists exactly the points whose shared secret is all zeros: node:crypto refuses those and no others', () => {
    const { secretKey } = newRoundKeyPair();
    for (const { name, key } of vectors.refused.roundKeys) {
      if (name.startsWith('small order')) {
        expect(() => nativeSharedSecret(secretKey, fromHex(key))).toThrow();
        expect(nacl.scalarMult(secretKey, fromHex(key))).toEqual(new Uint8Array(32)); // What the vetting is for.
      }
    }
    fc.assert(
      fc.property(seed, (key) => {
        const agrees = codeOf(vetRoundPublicKey(key)) === 'ok';
        const isCanonical = (key[31] as number) < 128; // Uniform bytes never land on p to 2^255 - 1.
        expect(agrees).toBe(isCanonical);
        if (agrees) expect(nativeSharedSecret(secretKey, key)).not.toEqual(Buffer.alloc(32));
      }),
      { numRuns: 300 },
    );
  });

  it('answers any value at all with a result', () => {
    fc.assert(
      fc.property(fc.oneof(fc.anything({ withTypedArray: true }), fc.uint8Array({ maxLength: 40 })), (value) => {
        const vetted = vetRoundPublicKey(value);
        expect(['ok', 'KEY_INVALID']).toContain(codeOf(vetted));
        if (vetted.ok) expect((value as Uint8Array).byteLength).toBe(32);
      }),
      { numRuns: 10_000 },
    );
  });
});

describe('vetting', () => {
  const says = (vetted: ReturnType<typeof vetRoundPublicKey>) => (vetted.ok ? '' : vetted.fault.message);
  const named = (keys: readonly { name: string; key: string }[], name: string) =>
    fromHex(keys.find((one) => one.name === name)?.key as string);

  it('says which key is wrong, how, and that a generated one would be right', () => {
    const { roundKeys, signingKeys } = vectors.refused;
    const round = (name: string) => says(vetRoundPublicKey(named(roundKeys, name)));
    const signing = (name: string) => says(vetSigningPublicKey(named(signingKeys, name)));
    expect([round('31 bytes'), round('small order'), round('not canonical: p + 9')]).toEqual([
      'round key (X25519): expected exactly 32 bytes',
      'round key (X25519): a point of small order, which makes the shared secret zero; use a generated key',
      'round key (X25519): not the canonical encoding of a point; use a generated key',
    ]);
    expect([signing('33 bytes'), signing('small order'), signing('not canonical: y = p + 3')]).toEqual([
      'signing key (Ed25519): expected exactly 32 bytes',
      'signing key (Ed25519): a point of small order, for which one signature fits many messages; use a generated key',
      'signing key (Ed25519): not the canonical encoding of a point; use a generated key',
    ]);
    expect(signing('not on the curve: y = 2')).toBe(
      'signing key (Ed25519): not a point on the curve; use a generated key',
    );
  });
});

describe('vetSigningPublicKey', () => {
  it.each(vectors.refused.signingKeys)('refuses $name: $key', ({ key }) => {
    expect(codeOf(vetSigningPublicKey(fromHex(key)))).toBe('KEY_INVALID');
  });

  it('refuses a key for which one signature fits any message, as unvetted verification would let it', () => {
    const neutral = new Uint8Array(32);
    neutral[0] = 1;
    const signature = new Uint8Array(64);
    signature[0] = 1; // R is the neutral element, S is 0.
    expect(nacl.sign.detached.verify(Buffer.from('any message'), signature, neutral)).toBe(true);
    expect(nacl.sign.detached.verify(Buffer.from('any other'), signature, neutral)).toBe(true);
    expect(codeOf(vetSigningPublicKey(neutral))).toBe('KEY_INVALID');
  });

  it('says the same of a key each time, also after more others than it remembers', () => {
    const keys = vectors.refused.signingKeys.map(({ key }) => fromHex(key));
    const sound = Array.from({ length: 300 }, () => {
      const { x = '' } = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });
      return new Uint8Array(Buffer.from(x, 'base64url'));
    });
    for (let turn = 0; turn < 2; turn++) {
      for (const key of sound) expect(codeOf(vetSigningPublicKey(key))).toBe('ok');
      for (const key of keys) expect(codeOf(vetSigningPublicKey(key))).toBe('KEY_INVALID');
    }
  });

  it('knows points from other bytes as taking the square root does', () => {
    let points = 0;
    fc.assert(
      fc.property(seed, (key) => {
        const isPoint = decodes(key);
        points += isPoint ? 1 : 0;
        expect(codeOf(vetSigningPublicKey(key)) === 'ok').toBe(isPoint);
      }),
      { numRuns: 200 },
    );
    expect(points).toBeGreaterThan(50); // About half of all y are on the curve.
    expect(points).toBeLessThan(150);
  });

  it('answers any value at all with a result', () => {
    fc.assert(
      fc.property(fc.oneof(fc.anything({ withTypedArray: true }), fc.uint8Array({ maxLength: 40 })), (value) => {
        const vetted = vetSigningPublicKey(value);
        expect(['ok', 'KEY_INVALID']).toContain(codeOf(vetted));
        if (vetted.ok) expect((value as Uint8Array).byteLength).toBe(32);
      }),
      { numRuns: 10_000 },
    );
  });
});

const p = 2n ** 255n - 19n;

/** A slow twin by another road than Euler's criterion: takes the square root and squares it again (RFC 8032 5.1.3). */
function decodes(key: Uint8Array): boolean {
  const power = (base: bigint, exponent: bigint): bigint =>
    exponent === 0n ? 1n : (power((base * base) % p, exponent / 2n) * (exponent % 2n === 1n ? base : 1n)) % p;
  const d = ((p - 121665n) * power(121666n, p - 2n)) % p;
  const y = BigInt(`0x${Buffer.from(key).reverse().toString('hex')}`) % 2n ** 255n;
  const square = (((y * y - 1n + p) % p) * power((d * y * y + 1n) % p, p - 2n)) % p;
  const root = power(square, (p + 3n) / 8n);
  const turned = (root * power(2n, (p - 1n) / 4n)) % p;
  return [root, turned].some((x) => (x * x) % p === square);
}
