import type { Result } from '../../base/fault.ts';
import { checkSigned, signCheckpoint } from '../../proto/transparency/checkpoint.ts';
import { Frontier } from '../../proto/transparency/merkle.ts';
import { signatureTypes, verifierKey } from '../../proto/transparency/signed-note.ts';
import type { JournalEntry } from '../ledger/journal/entry.ts';
import type { JournalFaultCode } from '../ledger/journal/journal.ts';
import type { Facts } from '../ledger/store.ts';
import { CheckpointWriter } from './checkpoint-file.ts';
import type { CheckpointSigner } from './checkpoint-key.ts';
import { leafOf } from './leaf.ts';

export type CheckpointerOptions = Readonly<{
  facts: Pick<Facts, 'state' | 'follow'>;
  read: (from: number, limit: number) => Promise<Result<readonly JournalEntry[], JournalFaultCode>>;
  dataDir: string;
  signer: CheckpointSigner;
  /** Of a writer that another may follow while it still has the folder; the one that is alone in it has none. */
  epoch?: number | undefined;
  /** A head is signed at every multiple of it. */
  everyEntries: number;
  trouble: (code: string, cause: string) => void;
}>;

const entriesPerRead = 1_000;

/**
 * Keeps the journal's Merkle tree beside it, and signs its head every so many entries. It follows entries that are durable
 * already and holds no commit up: two hashes for each. A journal that it has not seen yet, or whose last head another key
 * signed, is read through in the background.
 */
export class Checkpointer {
  readonly #options: CheckpointerOptions;
  readonly #writer: CheckpointWriter;
  readonly #frontier: Frontier;
  /** No second head is signed for a size that has one. */
  readonly #signedThrough: number;
  #follows = false;
  #closed = false;
  readonly #unfollow: () => void;
  /** Resolves once everything that was there at the start is in the tree. Never rejects. */
  readonly caughtUp: Promise<void>;

  private constructor(options: CheckpointerOptions, writer: CheckpointWriter, frontier: Frontier) {
    this.#options = options;
    this.#writer = writer;
    this.#frontier = frontier;
    this.#signedThrough = writer.last?.checkpoint.size ?? 0;
    this.#unfollow = options.facts.follow((entry) => {
      if (this.#follows) this.#take(entry);
    });
    this.caughtUp = this.#catchUp();
  }

  static async open(options: CheckpointerOptions): Promise<Checkpointer> {
    const { dataDir, facts, trouble, epoch } = options;
    const writer = await CheckpointWriter.open(dataDir, facts.state().seq, trouble, epoch);
    const { origin, key } = options.signer;
    const own = verifierKey(origin, signatureTypes.ed25519, key.publicKey);
    const known = writer.last !== undefined && checkSigned(writer.last.checkpoint, [own]).ok;
    return new Checkpointer(options, writer, known ? writer.last.frontier : Frontier.empty());
  }

  async #catchUp(): Promise<void> {
    const { facts, read, trouble } = this.#options;
    while (!this.#closed) {
      if (this.#frontier.size >= facts.state().seq) {
        this.#follows = true; // In the same turn as the look: no entry falls between the two.
        return;
      }
      const entries = await read(this.#frontier.size + 1, entriesPerRead);
      if (!entries.ok) {
        if (this.#closed) return;
        return trouble(entries.fault.code, `no heads are signed until the next start: ${entries.fault.message}`);
      }
      for (const entry of entries.value) this.#take(entry);
    }
  }

  #take({ chain }: JournalEntry): void {
    this.#frontier.push(leafOf(chain));
    const { size } = this.#frontier;
    const { everyEntries, signer } = this.#options;
    if (size % everyEntries !== 0 || size <= this.#signedThrough) return;
    const head = { size, root: this.#frontier.root() };
    this.#writer.append(signCheckpoint(signer.origin, head, signer.key), this.#frontier.roots);
  }

  /** Lets go of the journal, and waits for what is being written. May be called twice. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#unfollow();
    await this.caughtUp;
    await this.#writer.idle();
  }
}
