const namePattern = /^[a-z0-9][a-z0-9.-]{0,199}$/;

/** Throws a RangeError for what is no key's name: none leaves the place where keys rest. */
export function checkKeyName(name: string): void {
  if (!namePattern.test(name)) throw new RangeError(`key name ${JSON.stringify(name)}: expected ${namePattern}`);
}

/**
 * Where secrets rest, encrypted. Names match /^[a-z0-9][a-z0-9.-]{0,199}$/.
 * The round engine keeps each round's X25519 secret key here from before the round opens until it has ended.
 */
export interface KeyStore {
  /** Durable (file and folder synced) when it resolves. Replaces what is there. */
  put(name: string, secret: Uint8Array): Promise<void>;
  /** As `put`, where there is none yet: else false, and what is there stays. Of several who do so at once one is told true. */
  add(name: string, secret: Uint8Array): Promise<boolean>;
  /** A fresh copy in memory of its own, which the caller wipes, or undefined when there is none. */
  get(name: string): Promise<Uint8Array | undefined>;
  /** Which of these names have a secret. One look, however many they are. */
  present(names: readonly string[]): Promise<readonly string[]>;
  /** Overwrites where the medium allows it, then removes; durable when it resolves. Nothing to remove is no error. */
  destroy(name: string): Promise<void>;
}
