import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../../base/canonical-json.ts';
import { unwrap } from '../../../base/fault.ts';
import { signMessage } from '../../envelope/crypto/signature.ts';
import { signRoot, signTimestamp } from '../sign.ts';
import {
  herd,
  keyPair,
  nowMs,
  reforge,
  sampleRoot,
  sampleSet,
  signedRoot,
  signers,
} from '../testing/sample-federation.ts';
import { idOfTufKey, keyIdOf, tufKey } from './key-id.ts';
import { checkSigned, decodeRoot, signersOf } from './root.ts';

type RootJson = {
  keys: Record<string, { keytype: string; scheme: string; keyval: { public: string } }>;
  roles: Record<string, { keyids: string[]; threshold: number }>;
};

function changed(change: (root: RootJson) => void): Buffer {
  return reforge(signedRoot(sampleRoot()), [1, 2], (signed) => change(signed as unknown as RootJson));
}

/** Adds a key of any kind to the root, under its true id, and to the role. */
function withKey(root: RootJson, role: string, key: RootJson['keys'][string]): void {
  const id = idOfTufKey(key);
  root.keys[id] = key;
  root.roles[role]?.keyids.push(id);
}

describe('decodeRoot', () => {
  it('opens what signRoot signed, key by key', () => {
    expect(unwrap(decodeRoot(signedRoot(sampleRoot()))).root).toEqual(sampleRoot());
  });

  it('holds key ids to their keys: the id is the SHA-256 of the canonical key', () => {
    expect(keyIdOf(keyPair(1).publicKey)).toBe(idOfTufKey(tufKey(keyPair(1).publicKey)));
    const lying = changed((root) => {
      const [id = ''] = root.roles.timestamp?.keyids ?? [];
      root.keys[id] = tufKey(keyPair(66).publicKey);
    });
    expect(decodeRoot(lying)).toMatchObject({ ok: false, fault: { code: 'METADATA_INVALID' } });
  });

  it('refuses one key under two ids, by which one signer would count twice', () => {
    const twice = changed((root) => {
      withKey(root, 'pins', { ...tufKey(keyPair(30).publicKey), note: 'the same key' } as never);
    });
    const message = expect.stringMatching(/^root: key [0-9a-f]{12}… .*another id/);
    expect(decodeRoot(twice)).toMatchObject({ ok: false, fault: { code: 'METADATA_INVALID', message } });
  });

  it('refuses one id twice in a role', () => {
    const twice = changed(({ roles }) => roles.pins?.keyids.push(roles.pins.keyids[0] ?? ''));
    expect(decodeRoot(twice)).toMatchObject({ ok: false, fault: { code: 'METADATA_INVALID' } });
  });

  it('carries keys of unknown types and schemes along, and counts them for nobody', () => {
    const hex = Buffer.from(keyPair(40).publicKey).toString('hex');
    const bytes = changed((root) => {
      withKey(root, 'timestamp', { keytype: 'ed25519', scheme: 'ed25519ph', keyval: { public: hex } });
      withKey(root, 'timestamp', { keytype: 'ed448', scheme: 'ed25519', keyval: { public: hex } });
      withKey(root, 'timestamp', { keytype: 'rsa', scheme: 'rsassa-pss-sha256', keyval: { public: 'anything' } });
      root.roles.timestamp?.keyids.push('0'.repeat(64)); // And an id without a key.
    });
    const { root } = unwrap(decodeRoot(bytes));
    expect(root.roles.timestamp.publicKeys).toEqual([keyPair(10).publicKey]);
  });

  const hex = Buffer.from(keyPair(40).publicKey).toString('hex');
  it.each([
    ['upper-case digits', hex.toUpperCase(), /64 lower-case/],
    ['too few bytes', '00ff', /64 lower-case/],
    ['a byte too many', `${hex}00`, /64 lower-case/],
    ['something before it', `x ${hex}`, /64 lower-case/],
    ['PEM text', '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----', /64 lower-case/],
    ['a point of small order, which anyone can sign for', `01${'00'.repeat(31)}`, /small order/],
    ['a point off the curve', `02${'00'.repeat(31)}`, /curve|point/],
  ])('refuses an Ed25519 key of %s, and says so', (_, text, why) => {
    const bytes = changed((root) =>
      withKey(root, 'timestamp', { ...tufKey(keyPair(40).publicKey), keyval: { public: text } }),
    );
    const message = expect.stringMatching(why);
    expect(decodeRoot(bytes)).toMatchObject({ ok: false, fault: { code: 'METADATA_INVALID', message } });
  });

  it.each([
    ['a threshold of 0', (root: RootJson) => Object.assign(root.roles.root ?? {}, { threshold: 0 })],
    ['a threshold of 1.5', (root: RootJson) => Object.assign(root.roles.root ?? {}, { threshold: 1.5 })],
    ['no pins role', (root: RootJson) => delete root.roles.pins],
    ['no keys', (root: RootJson) => Object.assign(root, { keys: undefined })],
    ['keys as a list', (root: RootJson) => Object.assign(root, { keys: [] })],
    ['an expiry that is none', (root: RootJson) => Object.assign(root, { expires: 'tomorrow' })],
    ['no federation', (root: RootJson) => Object.assign(root, { federation: undefined })],
  ])('refuses %s', (_, change) => {
    expect(decodeRoot(changed(change))).toMatchObject({ ok: false, fault: { code: 'METADATA_INVALID' } });
  });

  it('accepts members that it does not know, in root, role and key, since they are signed', () => {
    const bytes = changed((root) => {
      Object.assign(root, { later: { a: [1] } });
      Object.assign(root.roles.root ?? {}, { later: 'x' });
      withKey(root, 'timestamp', { ...tufKey(keyPair(40).publicKey), later: { b: 2 } } as never);
    });
    const decoded = unwrap(decodeRoot(bytes));
    expect(checkSigned(decoded.root, 'root', decoded.signed).ok).toBe(true);
    expect(decoded.root.roles.timestamp.publicKeys).toEqual([10, 40].map((key) => keyPair(key).publicKey));
  });

  it.each([
    ['in the key', (key: ReturnType<typeof tufKey>) => ({ ...key, later: 1 })],
    ['beside its digits', (key: ReturnType<typeof tufKey>) => ({ ...key, keyval: { ...key.keyval, later: 1 } })],
  ])('counts the signature of a key with a member of its own %s, which has another id for it', (_, more) => {
    const key = more(tufKey(keyPair(40).publicKey));
    const { root } = unwrap(decodeRoot(changed((signed) => withKey(signed, 'timestamp', key as never))));
    const message = Buffer.from('a timestamp');
    const by = (id: string, number: number) => [id, signMessage(message, keyPair(number)).toString('hex')] as const;
    const ids = [keyIdOf(keyPair(10).publicKey), idOfTufKey(key)] as const;
    const signatures = new Map([by(ids[0], 10), by(ids[1], 40)]);
    expect(signersOf(root, 'timestamp', { message, signatures })).toEqual(ids);
  });
});

describe('decodeDocument', () => {
  const text = signedRoot(sampleRoot()).toString();
  it.each([
    ['a space', text.replace(':', ': ')],
    ['a line end', `${text}\n`],
    ['members out of order', text.replace(/^\{("signatures":.*?),("signed":.*)\}$/, '{$2,$1}')],
    ['a member twice', text.replace('"version":1', '"version":1,"version":1')],
    ['another spelling of a number', text.replace('"version":1', '"version":1.0')],
    ['another spelling of a letter', text.replace('"herd"', '"her\\u0064"')],
    ['a byte order mark', `\ufeff${text}`],
    ['a member beside signed and signatures', text.replace('{"signatures"', '{"also":1,"signatures"')],
    [
      'upper-case digits in a signature',
      text.replace(/"sig":"([0-9a-f]+)"/, (_, sig: string) => `"sig":"${sig.toUpperCase()}"`),
    ],
    ['prototypes', text.replace('"version":1', '"__proto__":{"x":1},"version":1')],
  ])('refuses %s: a document has one byte form', (_, changedText) => {
    expect(changedText).not.toBe(text);
    expect(decodeRoot(Buffer.from(changedText))).toMatchObject({ ok: false, fault: { code: 'METADATA_INVALID' } });
  });

  it('refuses bytes that are not UTF-8, and JSON nested without end', () => {
    for (const bytes of [
      Buffer.from([0x7b, 0xff, 0x7d]),
      Buffer.from(`{"a":${'['.repeat(100_000)}`),
      Buffer.from(`{"a":${'['.repeat(5_000)}${']'.repeat(5_000)}}`),
    ]) {
      expect(decodeRoot(bytes)).toMatchObject({ ok: false, fault: { code: 'METADATA_INVALID' } });
    }
  });
});

describe('signersOf', () => {
  const root = sampleRoot();

  it('counts a signature only by its own key over these bytes', () => {
    const { signed: part } = unwrap(decodeRoot(signedRoot(root, [1, 3, 10])));
    expect(signersOf(root, 'root', part)).toEqual([1, 3].map((key) => keyIdOf(keyPair(key).publicKey)));
  });

  it('does not count a signature of another length, of another key, or with its S made another', () => {
    const { signatures, signed } = JSON.parse(signedRoot(root, [1, 2]).toString()) as {
      signatures: { keyid: string; sig: string }[];
      signed: never;
    };
    const [first, second] = signatures as [{ keyid: string; sig: string }, { keyid: string; sig: string }];
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const s = BigInt(`0x${Buffer.from(first.sig.slice(64), 'hex').reverse().toString('hex')}`) + order;
    const malleated =
      first.sig.slice(0, 64) + Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse().toString('hex');
    for (const sig of ['', '00', `${first.sig}00`, first.sig.slice(2), second.sig, malleated]) {
      const bytes = Buffer.from(canonicalJson({ signatures: [{ ...first, sig }, second], signed }));
      const { signed: part } = unwrap(decodeRoot(bytes));
      expect(signersOf(root, 'root', part)).toEqual([second.keyid]);
    }
  });
});

describe('signRoot', () => {
  it('refuses a role that could never reach its threshold, and a field that is not legal', () => {
    const impossible = { ...signers, targets: { keys: [20], threshold: 2 } };
    expect(() => signedRoot(sampleRoot(impossible))).toThrow(/targets has 1 key\(s\) for a threshold of 2/);
    expect(() => signedRoot(sampleRoot(signers, { version: 0 }))).toThrow(RangeError);
    expect(() => signedRoot(sampleRoot(signers, { expiresAtMs: 253_402_300_800_000 }))).toThrow(/9999/);
    expect(() => signedRoot(sampleRoot({ ...signers, root: { keys: [1, 1], threshold: 2 } }))).toThrow(
      /names a key twice/,
    );
  });

  it('says the expiry in whole seconds, rounded down', () => {
    const root = signRoot(sampleRoot(signers, { expiresAtMs: nowMs + 1_999 }), []);
    expect(unwrap(decodeRoot(root)).root.expiresAtMs).toBe(nowMs + 1_000);
    const timestamp = signTimestamp({ version: 1, expiresAtMs: nowMs + 999, snapshot: sampleSet().snapshot }, herd, []);
    expect(timestamp.toString()).toContain('"expires":"2026-11-21T12:00:00Z"');
  });
});
