import { ok, type Result, refuse } from '../../base/fault.ts';
import type { SigningKeyPair } from '../envelope/crypto/keys.ts';
import { type CheckpointKeyFault, checkSigned, type TreeHead } from './checkpoint.ts';
import { cosign } from './cosignature.ts';
import { sameHash } from './merkle.ts';
import type { WitnessRequest } from './proof-files.ts';
import { extendsTree } from './proofs.ts';
import type { NoteSignature, VerifierKey } from './signed-note.ts';

export type WitnessFault =
  | CheckpointKeyFault
  | 'LOG_FORKED'
  | 'LOG_ROLLED_BACK'
  | 'PROOF_STARTS_ELSEWHERE'
  | 'LOG_UNKNOWN';

export type Witness = Readonly<{
  name: string;
  key: SigningKeyPair;
  /** Of the log that it watches. */
  logKeys: readonly VerifierKey[];
}>;

/**
 * What a witness answers (C2SP tlog-witness): its cosignature, where the head goes on from the last one that it cosigned.
 * `last`: that one; undefined before the first. Whoever calls keeps the new head durably before the cosignature leaves.
 */
export function answerRequest(
  witness: Witness,
  last: TreeHead | undefined,
  { old, proof, checkpoint }: WitnessRequest,
  atSeconds: number,
): Result<NoteSignature, WitnessFault> {
  const { origin, size, root, note } = checkpoint;
  if (!witness.logKeys.some(({ name }) => name === origin)) {
    return refuse('LOG_UNKNOWN', `the checkpoint is of ${origin}, which is not the log that this witness watches`);
  }
  const signed = checkSigned(checkpoint, witness.logKeys);
  if (!signed.ok) return signed;
  if (last !== undefined && size < last.size) {
    return refuse(
      'LOG_ROLLED_BACK',
      `the log shows ${size} entries, and this witness has seen ${last.size}: entries were taken back, or this is an old ` +
        'checkpoint. Nothing was cosigned; ask the operator which of the two, and keep both checkpoints',
    );
  }
  if (last !== undefined && size === last.size && !sameHash(root, last.root)) return forked(last.size);
  const from = last?.size ?? 0;
  if (size !== from && old !== from) {
    return refuse(
      'PROOF_STARTS_ELSEWHERE',
      `the proof goes on from ${old} entries, and this witness last saw ${from}: ask for one with --since ${from}`,
    );
  }
  if (last !== undefined && size > last.size && !extendsTree(last, { size, root }, proof)) return forked(last.size);
  return ok(cosign(note.text, witness.name, witness.key, atSeconds));
}

function forked(size: number) {
  return refuse(
    'LOG_FORKED',
    `it is not shown that the log's first ${size} entries are those that this witness has seen: history was rewritten, there ` +
      'are two logs under one key, or the proof was damaged on its way. Nothing was cosigned; ask for the proof again, and keep ' +
      'both checkpoints: they are the evidence',
  );
}
