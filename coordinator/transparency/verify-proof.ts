import { ok, type Result, refuse } from '../../base/fault.ts';
import { type CheckpointKeyFault, checkSigned } from '../../proto/transparency/checkpoint.ts';
import { parseInclusion } from '../../proto/transparency/proof-files.ts';
import { includes } from '../../proto/transparency/proofs.ts';
import type { VerifierKey } from '../../proto/transparency/signed-note.ts';
import { chainAfter } from '../ledger/journal/entry.ts';
import { leafOf } from './leaf.ts';

export type ProvenEntry = Readonly<{ sequence: number; body: string; ofEntries: number }>;

/** Whether the entry that a proof brings along stands where it says in the journal whose head the log's key signed. */
export function verifyInclusion(
  text: string,
  keys: readonly VerifierKey[],
): Result<ProvenEntry, CheckpointKeyFault | 'NOTE_INVALID' | 'PROOF_WRONG'> {
  const parsed = parseInclusion(text);
  if (!parsed.ok) return parsed;
  const { extra, index, proof, checkpoint } = parsed.value;
  const signed = checkSigned(checkpoint, keys);
  if (!signed.ok) return signed;
  const entry = entryIn(extra);
  const sequence = index + 1;
  const leaf = entry && leafOf(chainAfter(entry.previousChain, entry.body));
  if (entry === undefined || leaf === undefined || !includes(leaf, index, checkpoint, proof)) {
    const what = `it does not show that its entry is number ${sequence} of the ${checkpoint.size} that the head covers`;
    return refuse('PROOF_WRONG', `${what}: the entry, its place or the proof was changed`);
  }
  return ok({ sequence, body: entry.body, ofEntries: checkpoint.size });
}

function entryIn(extra: Uint8Array): Readonly<{ body: string; previousChain: string }> | undefined {
  try {
    const { body, previousChain } = JSON.parse(Buffer.from(extra).toString('utf8')) as Record<string, unknown>;
    return typeof body === 'string' && typeof previousChain === 'string' ? { body, previousChain } : undefined;
  } catch {
    return undefined;
  }
}
