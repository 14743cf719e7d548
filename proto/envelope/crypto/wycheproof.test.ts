import { readFileSync } from 'node:fs';
import nacl from 'tweetnacl';
import { describe, expect, it } from 'vitest';
import { boxKey } from './agreement.ts';
import { openBulk, sealBulk } from './bulk.ts';
import { vetRoundPublicKey, vetSigningPublicKey } from './keys.ts';
import { verifyMessage } from './signature.ts';

type Vector = Readonly<Record<string, string>>;

function vectors(name: string): readonly Vector[] {
  const text = readFileSync(new URL(`../testing/wycheproof/${name}.tsv`, import.meta.url), 'utf8');
  const [head, ...lines] = text.trimEnd().split('\n');
  const columns = (head as string).split('\t');
  return lines.map((line) => {
    const values = line.split('\t');
    return Object.fromEntries(columns.map((column, at) => [column, values[at] as string]));
  });
}

const bytes = (hex: string | undefined) => new Uint8Array(Buffer.from(hex as string, 'hex'));

/** A box's key of a shared secret, by tweetnacl alone. */
function keyOfShared(shared: Uint8Array): Uint8Array {
  const { crypto_core_hsalsa20: hsalsa20 } = (
    nacl as unknown as { lowlevel: Record<string, (...all: Uint8Array[]) => void> }
  ).lowlevel as { crypto_core_hsalsa20: (...all: Uint8Array[]) => void };
  const key = new Uint8Array(32);
  hsalsa20(key, new Uint8Array(16), shared, new TextEncoder().encode('expand 32-byte k'));
  return key;
}

describe("Wycheproof's vectors", () => {
  it('of X25519 give the shared secret that they say, or a key that is refused for a reason of theirs', () => {
    const all = vectors('x25519');
    expect(all).toHaveLength(518);
    let agreed = 0;
    for (const { id, flags, public: peer, private: own, shared } of all) {
      const vetted = vetRoundPublicKey(bytes(peer));
      if (!vetted.ok) {
        expect(`${id} ${flags}`).toMatch(/LowOrderPublic|NonCanonicalPublic|ZeroSharedSecret/);
        continue;
      }
      agreed += 1;
      expect(bytes(shared), `vector ${id}`).not.toEqual(new Uint8Array(32));
      expect(boxKey(vetted.value, bytes(own)), `vector ${id}`).toEqual(keyOfShared(bytes(shared)));
    }
    expect(agreed).toBeGreaterThan(450);
  });

  it('of Ed25519 pass where they are valid and nowhere else', () => {
    const all = vectors('ed25519');
    expect(all.length).toBeGreaterThanOrEqual(150);
    for (const { id, result, public: key, message, signature } of all) {
      const vetted = vetSigningPublicKey(bytes(key));
      const passes = vetted.ok && verifyMessage(bytes(message), bytes(signature), vetted.value);
      expect(passes, `vector ${id}`).toBe(result === 'valid');
    }
  });

  it('of ChaCha20-Poly1305 seal to the bytes that they say and open again, and not with another tag', () => {
    const all = vectors('chacha20-poly1305');
    expect(all).toHaveLength(45);
    for (const { id, key, nonce, plain, cipher, tag } of all) {
      const sealed = sealBulk(bytes(key), bytes(nonce), bytes(plain));
      expect([sealed.cipher.toString('hex'), sealed.tag.toString('hex')], `vector ${id}`).toEqual([cipher, tag]);
      expect(openBulk(bytes(key), bytes(nonce), bytes(cipher), bytes(tag))?.toString('hex')).toBe(plain);
      for (let at = 0; at < 16; at += 1) {
        const forged = bytes(tag);
        forged[at] = (forged[at] as number) ^ 0x80;
        expect(openBulk(bytes(key), bytes(nonce), bytes(cipher), forged), `vector ${id}`).toBeUndefined();
      }
    }
  });
});
