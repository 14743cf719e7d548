/**
 * What code takes from its surroundings without a port, held: randomness, the clock, timers, signatures. Installed for
 * the whole process, since imports of node:crypto reach everything; the simulator has its process to itself.
 *
 * Signatures are ideal: nobody makes one without the key. They are a hash over the secret and the message, a hundredth of
 * Ed25519's cost. X25519 is a hash of the secret too; nothing sealed is opened in a simulation.
 */
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import type { Draws } from './draws.ts';
import { dawnMs } from './world.ts';

/** The DER head of an Ed25519 private key (RFC 8410). */
const signingHead = Buffer.from('302e020100300506032b657004220420', 'hex');
const spkiBytes = 12;
const real = { ...crypto };
const RealDate = Date;

/** Public keys of secrets that were used, and the other way about: 32 bytes each, as latin1 text. */
const publicOf = new Map<string, Buffer>();
const secretOf = new Map<string, Buffer>();

let draws: Draws | undefined;
let isInstalled = false;

/** From here on `run` alone decides what is random and what time it is. */
export function holdAmbient(seeded: Draws): void {
  draws = seeded;
  if (isInstalled) return;
  isInstalled = true;
  const held = crypto as unknown as Record<string, unknown>;
  held.randomBytes = (size: number) => Buffer.from(drawn().bytes('randomBytes', size));
  held.randomInt = (first: number, second?: number) => {
    const [low, high] = second === undefined ? [0, first] : [first, second];
    return low + Math.floor(drawn().of('randomInt')() * (high - low));
  };
  held.randomUUID = () => {
    const hex = drawn().bytes('randomUUID', 16).toString('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
  };
  held.createPrivateKey = (options: { key: Buffer }) => new IdealKey(options.key);
  held.createPublicKey = (options: { key: Buffer } | IdealKey) =>
    options instanceof IdealKey ? options.publicKey() : new IdealKey(options.key);
  held.sign = (_algorithm: null, message: Uint8Array, key: IdealKey) => signatureOf(key.raw, message);
  held.verify = (_algorithm: null, message: Uint8Array, key: IdealKey, signature: Uint8Array) => {
    const secret = secretOf.get(key.raw.toString('latin1'));
    return secret !== undefined && signatureOf(secret, message).equals(signature);
  };
  syncBuiltinESMExports();
  forbidRealTime();
}

function drawn(): Draws {
  if (draws === undefined) throw new Error('simulator: randomness was asked for outside of a simulation');
  return draws;
}

/** What node:crypto calls a KeyObject, of Ed25519 or X25519, private or public: its 32 bytes. */
class IdealKey {
  readonly raw: Buffer;
  readonly #isSigning: boolean;

  constructor(der: Buffer) {
    this.raw = Buffer.from(der.subarray(-32)); // Callers wipe what they hand over.
    this.#isSigning = der.subarray(0, signingHead.length).equals(signingHead);
    if (this.#isSigning) signingKeyOf(this.raw);
  }

  /** Of an X25519 secret: as canonical as such a key must be. Of Ed25519's: its own, since points are vetted. */
  publicKey(): IdealKey {
    if (this.#isSigning) return publicKeyOf(signingKeyOf(this.raw));
    const hashed = real.createHash('sha256').update('x25519').update(this.raw).digest();
    hashed[31] = (hashed[31] as number) & 0x7f;
    return publicKeyOf(hashed);
  }

  export(): Buffer {
    return Buffer.concat([Buffer.alloc(spkiBytes), this.raw]);
  }
}

function publicKeyOf(raw: Uint8Array): IdealKey {
  return new IdealKey(Buffer.concat([Buffer.alloc(spkiBytes), raw]));
}

/** Ed25519's own public key, made once for each seed. */
function signingKeyOf(seed: Buffer): Buffer {
  const name = seed.toString('latin1');
  let publicKey = publicOf.get(name);
  if (publicKey === undefined) {
    const der = Buffer.concat([signingHead, seed]);
    const secret = real.createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    publicKey = real.createPublicKey(secret).export({ format: 'der', type: 'spki' }).subarray(-32);
    publicOf.set(name, publicKey);
    secretOf.set(publicKey.toString('latin1'), Buffer.from(seed));
  }
  return publicKey;
}

function signatureOf(secret: Uint8Array, message: Uint8Array): Buffer {
  const hashed = real.hash('sha256', Buffer.concat([secret, message]), 'buffer');
  return Buffer.concat([hashed, hashed]);
}

/** Nothing under simulation may ask what time it really is, wait for it, or draw what no seed decides. */
function forbidRealTime(): void {
  const forbid = (what: string) => () => {
    throw new Error(`simulator: ${what} was asked for; time comes from Timers alone, and chance from the seed`);
  };
  class HeldDate extends RealDate {
    constructor(...given: [] | [number | string | Date]) {
      // The cron parser looks at the clock to see that a pattern can be met at all: it sees the same moment always.
      super(...(given.length === 0 ? ([dawnMs] as [number]) : (given as [number])));
    }
    static override now = forbid('Date.now()') as () => number;
  }
  Object.assign(globalThis, {
    Date: HeldDate,
    setTimeout: forbid('setTimeout'),
    setInterval: forbid('setInterval'),
    setImmediate: forbid('setImmediate'),
  });
  Math.random = forbid('Math.random()') as () => number;
  performance.now = forbid('performance.now()') as () => number;
}
