import { ok, type Result, refuse } from '../../base/fault.ts';
import { signCheckpoint } from '../../proto/transparency/checkpoint.ts';
import { hashBytes } from '../../proto/transparency/merkle.ts';
import { inclusionText, witnessRequestText } from '../../proto/transparency/proof-files.ts';
import { consistencyProof, inclusionProof, type Leaves, treeHead } from '../../proto/transparency/proofs.ts';
import { type JournalReader, type ReadFaultCode, readBeside } from '../ledger/journal/read-beside.ts';
import type { CheckpointSigner } from './checkpoint-key.ts';
import { leafOf } from './leaf.ts';

export type ProveFault = ReadFaultCode | 'ENTRY_NOT_FOUND';

/** Reads the leaves of the first `size` entries into memory: 32 bytes each. */
export function leavesOf(journal: JournalReader, size: number): Leaves {
  const leaves = new Uint8Array(size * hashBytes);
  for (const { seq, chain } of journal.entries(0, size)) leaves.set(leafOf(chain), (seq - 1) * hashBytes);
  return (index) => leaves.subarray(index * hashBytes, (index + 1) * hashBytes);
}

/**
 * That one entry stands in the journal (C2SP tlog-proof), for somebody who shall see no other. The `extra` line holds the
 * entry and the chain's digest before it: of the two the leaf is made.
 */
export async function proveEntry(
  dataDir: string,
  seq: number,
  signer: CheckpointSigner,
): Promise<Result<string, ProveFault>> {
  return withTree(dataDir, signer, (journal, leaves, size, checkpoint) => {
    const before = journal.at(seq - 1);
    const [entry] = journal.entries(seq - 1, seq);
    if (before === undefined || entry === undefined) {
      return refuse('ENTRY_NOT_FOUND', `the journal has no entry ${seq}: it holds 1 to ${size}`);
    }
    const extra = Buffer.from(JSON.stringify({ body: entry.body, previousChain: before.chain }));
    return ok(inclusionText({ extra, index: seq - 1, proof: inclusionProof(leaves, seq - 1, size) }, checkpoint));
  });
}

/** That the journal goes on from its first `old` entries: what a witness wants to see (C2SP tlog-witness). */
export async function proveGrowth(
  dataDir: string,
  old: number,
  signer: CheckpointSigner,
): Promise<Result<string, ProveFault>> {
  return withTree(dataDir, signer, (_journal, leaves, size, checkpoint) =>
    old > size
      ? refuse(
          'ENTRY_NOT_FOUND',
          `the journal has ${size} entries, and ${old} were seen: a backup was restored, or it was cut`,
        )
      : ok(witnessRequestText(old, consistencyProof(leaves, old, size), checkpoint)),
  );
}

function withTree(
  dataDir: string,
  signer: CheckpointSigner,
  prove: (journal: JournalReader, leaves: Leaves, size: number, checkpoint: string) => Result<string, ProveFault>,
): Result<string, ProveFault> {
  const opened = readBeside(dataDir);
  if (!opened.ok) return opened;
  const journal = opened.value;
  try {
    const { seq: size } = journal.head();
    const leaves = leavesOf(journal, size);
    const checkpoint = signCheckpoint(signer.origin, { size, root: treeHead(leaves, 0, size) }, signer.key);
    return prove(journal, leaves, size, checkpoint);
  } finally {
    journal.close();
  }
}
