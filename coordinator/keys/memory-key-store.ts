import { checkKeyName, type KeyStore } from './key-store.ts';

/** Secrets of one process, gone with it: for simulations, and for tests that are not about keys at rest. */
export class MemoryKeyStore implements KeyStore {
  readonly #secrets = new Map<string, Uint8Array>();

  async put(name: string, secret: Uint8Array): Promise<void> {
    checkKeyName(name);
    this.#secrets.get(name)?.fill(0);
    this.#secrets.set(name, new Uint8Array(secret)); // Not `slice`: of a Buffer that is no copy.
  }

  async add(name: string, secret: Uint8Array): Promise<boolean> {
    checkKeyName(name);
    if (this.#secrets.has(name)) return false;
    await this.put(name, secret);
    return true;
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    checkKeyName(name);
    return this.#secrets.get(name)?.slice();
  }

  async present(names: readonly string[]): Promise<readonly string[]> {
    for (const name of names) checkKeyName(name);
    return names.filter((name) => this.#secrets.has(name));
  }

  async destroy(name: string): Promise<void> {
    checkKeyName(name);
    this.#secrets.get(name)?.fill(0);
    this.#secrets.delete(name);
  }
}
