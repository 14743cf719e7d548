import { type Backoff, fullJitterMs } from '../base/backoff.ts';
import { Beat } from '../base/beat.ts';
import type { Timers } from '../base/time.ts';
import type { BlobStore } from '../coordinator/blobs/blob-store.ts';
import type { JournalEntry } from '../coordinator/ledger/journal/entry.ts';
import type { MetadataRef } from '../coordinator/ledger/state/releasing.ts';
import type { Facts } from '../coordinator/ledger/store.ts';
import type { SignedPiece, SignedSet } from '../coordinator/registry/signing/signed-set.ts';

type ShelfParts = Readonly<{
  facts: Pick<Facts, 'state' | 'follow'>;
  blobs: Pick<BlobStore, 'get'>;
  timers: Timers;
  trouble: (code: string, message: string) => void;
}>;

const again: Backoff = { firstMs: 500, maxMs: 30_000 };

/** The signed set in force, from where the journal says that it lies: signed files that a door can serve and not change. */
export class ReleaseShelf {
  readonly #parts: ShelfParts;
  readonly #listeners = new Set<(set: SignedSet) => void>();
  readonly #unfollow: () => void;
  readonly #beat: Beat;
  #set: SignedSet | undefined;
  #failed = 0;

  constructor(parts: ShelfParts) {
    this.#parts = parts;
    this.#beat = new Beat({ work: () => this.#read(), timers: parts.timers });
    this.#unfollow = parts.facts.follow(({ event }: JournalEntry) => {
      if (event.kind === 'releaseSetSigned') this.#beat.wake();
    });
    this.#beat.wake();
  }

  signedSet(): SignedSet | undefined {
    return this.#set;
  }

  follow(listener: (set: SignedSet) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#unfollow();
    await this.#beat.stop();
  }

  async #read(): Promise<void> {
    const { facts, trouble } = this.#parts;
    const { roots, pins, set } = facts.state().metadata;
    if (set === null) return;
    const wanted = [set.timestamp, set.snapshot, set.catalogue, ...roots, ...(pins === null ? [] : [pins])];
    const pieces = await Promise.all(wanted.map((ref) => this.#piece(ref)));
    const [timestamp, snapshot, catalogue, ...others] = pieces;
    if (timestamp === undefined || snapshot === undefined || catalogue === undefined || others.includes(undefined)) {
      trouble('BLOB_IO', 'a signed document of the releases in force cannot be read; it is tried again');
      this.#beat.wakeIn(fullJitterMs(again, this.#failed, Math.random()));
      this.#failed += 1;
      return;
    }
    this.#failed = 0;
    const read = others as SignedPiece[];
    const served = { roots: read.slice(0, roots.length), timestamp, snapshot, catalogue };
    this.#set = { ...served, pins: pins === null ? null : (read.at(-1) as SignedPiece) };
    for (const listener of this.#listeners) listener(this.#set);
  }

  async #piece({ version, digest, bytes, expiresAtMs }: MetadataRef): Promise<SignedPiece | undefined> {
    const held = this.#set?.roots.find((root) => root.digest === digest);
    if (held !== undefined) return held;
    const body = await this.#parts.blobs.get(digest);
    return body.ok ? { version, digest, bytes, expiresAtMs, body: body.value } : undefined;
  }
}
