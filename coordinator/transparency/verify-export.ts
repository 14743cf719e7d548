import { ok, type Result, refuse } from '../../base/fault.ts';
import {
  type Checkpoint,
  type CheckpointKeyFault,
  checkSigned,
  parseCheckpoint,
} from '../../proto/transparency/checkpoint.ts';
import { cosignedAt } from '../../proto/transparency/cosignature.ts';
import { type Frontier, sameHash } from '../../proto/transparency/merkle.ts';
import { parseVerifierKey, type VerifierKey } from '../../proto/transparency/signed-note.ts';
import { chainAfter } from '../ledger/journal/entry.ts';
import type { JournalHead } from '../ledger/journal/journal.ts';
import { damaged, type ExportStart, linesOf, startOf } from './export-reader.ts';
import { leafOf } from './leaf.ts';

export type Expected = Readonly<{
  /** Heads of the chain that somebody noted earlier. */
  heads?: readonly JournalHead[];
  /** The log's keys, known from elsewhere. Without any, those that the export names: then the heads only hold together. */
  keys?: readonly VerifierKey[];
  /** Each of them must have cosigned a head that is in the export or in `cosigned`. */
  witnesses?: readonly VerifierKey[];
  /** Cosigned heads, as witnesses gave them. */
  cosigned?: readonly Checkpoint[];
}>;

export type VerifiedExport = Readonly<{
  first: number;
  last: JournalHead;
  entries: number;
  /** Signed heads in it. */
  checkpoints: number;
  /** Whether these were checked against keys that the reader gave. */
  keysGiven: boolean;
  /** The largest head that each witness cosigned, and when (seconds). */
  witnessed: readonly Readonly<{ name: string; size: number; atSeconds: number }>[];
}>;

export type VerifyFault =
  | CheckpointKeyFault
  | 'EXPORT_DAMAGED'
  | 'HEAD_DIFFERS'
  | 'ENTRY_NOT_FOUND'
  | 'LOG_FORKED'
  | 'WITNESS_MISSING';

/**
 * Walks an export: the chain of its entries, the Merkle tree over them against every signed head, and what was noted or
 * cosigned earlier: who knows one head knows that nothing up to there was rewritten since. A fault names the first entry
 * that does not fit, or the first and last of those that a head covers.
 */
export async function verifyExport(
  file: string,
  expected: Expected = {},
): Promise<Result<VerifiedExport, VerifyFault>> {
  let walk: Walk | undefined;
  for await (const row of linesOf(file)) {
    if (walk === undefined) {
      const start = startOf(row);
      if (typeof start === 'string') return damaged(start);
      if (start.frontier === undefined && asksForHeads(expected)) {
        return refuse(
          'CHECKPOINT_UNSIGNED',
          'this export is in the format of an earlier version, which has no signed heads: the keys and heads that you gave ' +
            'cannot be checked in it. Ask for one of this version',
        );
      }
      walk = new Walk(start, expected);
      continue;
    }
    const fault = typeof row?.checkpoint === 'string' ? walk.checkpoint(row.checkpoint) : walk.entry(row);
    if (fault !== undefined) return fault;
  }
  return walk === undefined ? damaged('it is empty') : walk.end();
}

/** Whoever rewrote history could hand it out in the older format: that it brings no heads must not pass for sound. */
function asksForHeads({ keys = [], witnesses = [], cosigned = [] }: Expected): boolean {
  return keys.length + witnesses.length + cosigned.length > 0;
}

type Refusal = Readonly<{ ok: false; fault: Readonly<{ code: VerifyFault; message: string }> }>;

class Walk {
  readonly #first: number;
  readonly #frontier: Frontier | undefined;
  readonly #through: number | undefined;
  readonly #keys: readonly VerifierKey[];
  readonly #expected: Expected;
  /** By position: two people may have noted two chains of one, and that is what is to be found out. */
  readonly #heads: Map<number, readonly string[]>;
  readonly #cosigned: Checkpoint[];
  readonly #witnessed = new Map<string, Readonly<{ name: string; size: number; atSeconds: number }>>();
  #head: JournalHead;
  #checkpoints = 0;
  /** The largest size whose head fits. */
  #fits = 0;

  constructor({ before, frontier, through, keys }: ExportStart, expected: Expected) {
    this.#head = before;
    this.#first = before.seq + 1;
    this.#frontier = frontier;
    this.#through = through;
    this.#expected = expected;
    const bySeq = Map.groupBy(expected.heads ?? [], ({ seq }) => seq);
    this.#heads = new Map([...bySeq].map(([seq, heads]) => [seq, heads.map(({ chain: noted }) => noted)]));
    this.#cosigned = (expected.cosigned ?? []).toSorted((a, b) => a.size - b.size);
    const told = keys.map(parseVerifierKey).flatMap((key) => (key.ok ? [key.value] : []));
    this.#keys = expected.keys?.length ? expected.keys : told;
  }

  entry(row: Readonly<Record<string, unknown>> | undefined): Refusal | undefined {
    const { sequence, body, chain } = row ?? {};
    const next = this.#head.seq + 1;
    if (sequence !== next || typeof body !== 'string') return damaged(`entry ${next} is missing, or is none`);
    if (chainAfter(this.#head.chain, body) !== chain) {
      return damaged(`the hash chain breaks at entry ${next}: it, or an earlier one, was changed`);
    }
    this.#head = { seq: next, chain: String(chain) };
    this.#frontier?.push(leafOf(this.#head.chain));
    const noted = this.#heads.get(next)?.find((other) => other !== chain);
    if (noted !== undefined) {
      const message = `entry ${next} has the chain ${chain}, and ${noted} was noted: history was rewritten`;
      return refuse('HEAD_DIFFERS', message);
    }
    this.#heads.delete(next);
    while (this.#cosigned[0]?.size === next) {
      const fault = this.#fit(this.#cosigned.shift() as Checkpoint);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  checkpoint(text: string): Refusal | undefined {
    const parsed = parseCheckpoint(text);
    const { seq } = this.#head;
    if (!parsed.ok) return damaged(`what follows entry ${seq} is no signed head (${parsed.fault.message})`);
    if (parsed.value.size !== seq) {
      return damaged(
        `after entry ${seq} stands a head of ${parsed.value.size} entries: something is missing or out of place`,
      );
    }
    return this.#fit(parsed.value);
  }

  #fit(checkpoint: Checkpoint): Refusal | undefined {
    const { size, root, note } = checkpoint;
    if (this.#frontier === undefined) return undefined;
    const signed = checkSigned(checkpoint, this.#keys);
    if (!signed.ok) return signed;
    if (!sameHash(root, this.#frontier.root())) {
      return refuse(
        'LOG_FORKED',
        `the head that was signed over entries 1 to ${size} is one of other entries: the first that differs is one of ` +
          `${Math.max(this.#fits, this.#first - 1) + 1} to ${size}. History was rewritten, or there are two journals under one key`,
      );
    }
    this.#fits = size;
    this.#checkpoints++;
    for (const witness of this.#expected.witnesses ?? []) {
      const atSeconds = cosignedAt(note, witness);
      if (atSeconds === false) {
        return refuse(
          'CHECKPOINT_FORGED',
          `the head of ${size} entries bears a cosignature that ${witness.name} did not make`,
        );
      }
      if (atSeconds !== undefined) this.#witnessed.set(witness.keyId, { name: witness.name, size, atSeconds });
    }
    return undefined;
  }

  end(): Result<VerifiedExport, VerifyFault> {
    const { seq } = this.#head;
    if (this.#through !== undefined && this.#through !== seq) {
      return damaged(`it ends at entry ${seq}, and was written up to ${this.#through}: its end was cut off`);
    }
    if (this.#through !== undefined && this.#keys.length > 0 && this.#fits !== seq && seq > 0) {
      return damaged(`entries ${this.#fits + 1} to ${seq} are covered by no signed head: its end was cut off`);
    }
    const held = `it holds ${this.#first} to ${seq}`;
    const [noted] = this.#heads.keys();
    if (noted !== undefined) return refuse('ENTRY_NOT_FOUND', `entry ${noted}, which was noted, is not in it: ${held}`);
    const [beyond] = this.#cosigned;
    if (beyond !== undefined) {
      const what = `the head of ${beyond.size} entries, which was cosigned, cannot be checked in it: ${held}`;
      return refuse(
        'ENTRY_NOT_FOUND',
        `${what}. Where it is of fewer entries than were cosigned, entries were taken back`,
      );
    }
    for (const { name, keyId } of this.#expected.witnesses ?? []) {
      if (!this.#witnessed.has(keyId)) {
        return refuse(
          'WITNESS_MISSING',
          `${name} has cosigned no head that is in it; ask the witness for one it cosigned`,
        );
      }
    }
    return ok({
      first: this.#first,
      last: this.#head,
      entries: seq - this.#first + 1,
      checkpoints: this.#checkpoints,
      keysGiven: (this.#expected.keys?.length ?? 0) > 0,
      witnessed: [...this.#witnessed.values()],
    });
  }
}
