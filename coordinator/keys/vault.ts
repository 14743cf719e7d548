import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { makeFolder, privateFolderMode } from '../../base/atomic-file.ts';
import { FaultError, ok, type Result, refuse } from '../../base/fault.ts';
import { KeyFolder, type SecretPlace } from './key-place.ts';
import { checkKeyName, type KeyStore } from './key-store.ts';

export type VaultFaultCode = 'MASTER_KEY_WRONG' | 'VAULT_DAMAGED';

const magic = Buffer.from('TSTDKEY1');
const saltBytes = 16;
const nonceBytes = 12;
const tagBytes = 16;
const cost = { N: 1 << 15, r: 8, p: 1, maxmem: 64 << 20 } as const; // 32 MiB and about 60 ms, once per start.
const checkName = 'vault-check';
/** What a killed process left of a key on its way; `.new` in earlier versions. */
export const keyLeftover = /\.(?:new|partial)$/;

type Wrapping = Readonly<{ salt: Buffer; key: Buffer }>;

/**
 * Secrets at rest, AES-256-GCM under a key that scrypt derives from the master key. A secret's name is authenticated, so that
 * none stands in for another. Sealed: magic 8, salt 16, nonce 12, ciphertext, tag 16.
 */
export class Vault implements KeyStore {
  readonly #place: SecretPlace;
  readonly #wrapping: Wrapping;

  private constructor(place: SecretPlace, wrapping: Wrapping) {
    this.#place = place;
    this.#wrapping = wrapping;
  }

  /** Opens a folder of files, or makes it. Refused when the master key is not the one it was made with. */
  static async open(folder: string, masterKey: string): Promise<Result<Vault, VaultFaultCode>> {
    makeFolder(folder, privateFolderMode);
    return Vault.openIn(new KeyFolder(folder), masterKey);
  }

  /** As `open`, wherever the secrets lie. */
  static async openIn(place: SecretPlace, masterKey: string): Promise<Result<Vault, VaultFaultCode>> {
    const check = await place.read(checkName);
    const salt = check?.subarray(magic.length, magic.length + saltBytes) ?? randomBytes(saltBytes);
    const key = (await promisify<string, Buffer, number, typeof cost, Buffer>(scrypt)(
      masterKey,
      salt,
      32,
      cost,
    )) as Buffer;
    const vault = new Vault(place, { salt, key });
    if (check === undefined) {
      // A worker and its coordinator may start at once: what one of them seals must open under the salt that both go by.
      const isMade = await place.add(checkName, seal(checkName, Buffer.from(checkName), { salt, key }));
      return isMade ? ok(vault) : Vault.openIn(place, masterKey);
    }
    if (unseal(checkName, check, key) !== undefined) return ok(vault);
    return refuse(
      'MASTER_KEY_WRONG',
      `keys in ${place.name}: the master key does not open them; give the one that they were made with`,
    );
  }

  /** These secrets, by another way to where they lie. */
  reachedBy(place: SecretPlace): Vault {
    return new Vault(place, this.#wrapping);
  }

  async put(name: string, secret: Uint8Array): Promise<void> {
    checkKeyName(name);
    await this.#place.write(name, seal(name, secret, this.#wrapping));
  }

  async add(name: string, secret: Uint8Array): Promise<boolean> {
    checkKeyName(name);
    return await this.#place.add(name, seal(name, secret, this.#wrapping));
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    checkKeyName(name);
    const bytes = await this.#place.read(name);
    if (bytes === undefined) return undefined;
    const secret = unseal(name, bytes, this.#wrapping.key);
    if (secret !== undefined) return secret;
    throw new FaultError(
      refuse(
        'KEY_DAMAGED',
        `key ${name} in ${this.#place.name}: it does not open under the master key; restore it from a backup`,
      ).fault,
    );
  }

  async present(names: readonly string[]): Promise<readonly string[]> {
    for (const name of names) checkKeyName(name);
    return this.#place.present(names);
  }

  async destroy(name: string): Promise<void> {
    checkKeyName(name);
    await this.#place.erase(name);
  }
}

function seal(name: string, secret: Uint8Array, { salt, key }: Wrapping): Buffer {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(Buffer.from(name));
  const sealed = Buffer.concat([cipher.update(secret), cipher.final()]);
  return Buffer.concat([magic, salt, nonce, sealed, cipher.getAuthTag()]);
}

function unseal(name: string, bytes: Buffer, key: Buffer): Buffer | undefined {
  const head = magic.length + saltBytes + nonceBytes;
  if (bytes.length < head + tagBytes || !bytes.subarray(0, magic.length).equals(magic)) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(head - nonceBytes, head));
  decipher.setAAD(Buffer.from(name));
  decipher.setAuthTag(bytes.subarray(-tagBytes));
  try {
    // All of it, for GCM is a stream: in memory of its own. What is concatenated lies in a pool with other secrets, which
    // all go along where one is sent to a thread, and are wiped there by nobody.
    const secret = decipher.update(bytes.subarray(head, -tagBytes));
    decipher.final();
    return secret;
  } catch {
    return undefined;
  }
}
