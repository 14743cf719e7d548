import type { KeyStore } from '../../../coordinator/keys/key-store.ts';
import type { SimulatedProcess } from '../world/process.ts';
import type { CoordinatorImage, Disk } from './disk.ts';

/** Keys on a simulated disk: written beside, synced and renamed, as the vault does. Throws where the disk fails. */
export function keysOn(
  image: CoordinatorImage,
  disk: Disk,
  process: SimulatedProcess,
  keyPut: (secret: Uint8Array) => void,
): KeyStore {
  const operate = async (kind: 'write' | 'free', apply: () => void) => {
    const fault = await disk.operate(process, kind, (part) => {
      if (part === 1) apply();
    });
    if (fault !== undefined) throw new Error(`key store: ${fault}`);
  };
  const put = (name: string, secret: Uint8Array) => {
    const kept = Uint8Array.from(secret);
    keyPut(kept);
    return operate('write', () => image.keys.set(name, kept));
  };
  return {
    put,
    add: async (name, secret) => {
      if (image.keys.has(name)) return false;
      await put(name, secret);
      return true;
    },
    get: async (name) => {
      const secret = image.keys.get(name);
      return secret && Uint8Array.from(secret);
    },
    present: async (names) => names.filter((name) => image.keys.has(name)),
    destroy: async (name) => {
      if (image.keys.has(name)) await operate('free', () => image.keys.delete(name));
    },
  };
}
