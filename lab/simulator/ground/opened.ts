import type { KeyStore } from '../../../coordinator/keys/key-store.ts';
import type { Journal } from '../../../coordinator/ledger/journal/journal.ts';
import type { MutableState } from '../../../coordinator/ledger/state/mutable-state.ts';

/** What of a coordinator's ground may lie on a disk or in a database. */
export type Opened = Readonly<{
  journal: Journal;
  keyStore: KeyStore;
  /** What a standby has folded of it. */
  folded?: MutableState | undefined;
}>;

export type Opening = Readonly<{
  /** Alone: once nobody holds the journal. Standby: reads along until then. Force: whoever holds it. On a disk all are one. */
  how: 'alone' | 'standby' | 'force';
  /** Told of every secret that is put into the key store. */
  keyPut: (secret: Uint8Array) => void;
  /** Told of what the journal says is durable. */
  acknowledged: (seq: number, chain: string) => void;
}>;
