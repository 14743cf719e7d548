import { ok, type Result, refuse } from '../../base/fault.ts';
import type { SigningKeyPair } from '../envelope/crypto/keys.ts';
import { hashBytes } from './merkle.ts';
import { noteText, parseNote, type SignedNote, signedBy, signNote, type VerifierKey } from './signed-note.ts';

/** The head of a Merkle tree: how many entries, and the root over them. */
export type TreeHead = Readonly<{ size: number; root: Uint8Array }>;

/** A tree head that a log vouches for (C2SP tlog-checkpoint v1), as the note that it came in. */
export type Checkpoint = TreeHead & Readonly<{ origin: string; note: SignedNote }>;

/** The note of a head, signed in the origin's name. The same head and key give the same bytes. */
export function signCheckpoint(origin: string, { size, root }: TreeHead, key: SigningKeyPair): string {
  const text = `${origin}\n${size}\n${Buffer.from(root).toString('base64')}\n`;
  return noteText({ text, signatures: [signNote(text, origin, key)] });
}

/** Reads a checkpoint; says nothing of whether it is signed. */
export function parseCheckpoint(text: string): Result<Checkpoint, 'NOTE_INVALID'> {
  const note = parseNote(text);
  if (!note.ok) return note;
  const [origin = '', size = '', root = '', ...rest] = note.value.text.split('\n');
  const hash = Buffer.from(root, 'base64');
  const sound =
    origin !== '' &&
    /^(?:0|[1-9]\d{0,14})$/.test(size) &&
    hash.byteLength === hashBytes &&
    hash.toString('base64') === root &&
    rest.at(-1) === '' &&
    !rest.slice(0, -1).includes('');
  if (!sound) return refuse('NOTE_INVALID', 'not a checkpoint: expected its origin, a size and a root, a line each');
  return ok({ origin, size: Number(size), root: new Uint8Array(hash), note: note.value });
}

export type CheckpointKeyFault = 'CHECKPOINT_FORGED' | 'CHECKPOINT_UNSIGNED';

/** Whether one of the log's keys signed the checkpoint, and none of them is pretended to have. */
export function checkSigned(checkpoint: Checkpoint, keys: readonly VerifierKey[]): Result<void, CheckpointKeyFault> {
  const { note, origin, size } = checkpoint;
  const verdicts = keys.filter(({ name }) => name === origin).map((key) => signedBy(note, key));
  if (verdicts.includes(false)) {
    return refuse('CHECKPOINT_FORGED', `the checkpoint of ${size} entries bears a signature that its key did not make`);
  }
  if (verdicts.includes(true)) return ok(undefined);
  return refuse(
    'CHECKPOINT_UNSIGNED',
    `the checkpoint of ${size} entries is signed by none of the keys that were given for ${origin}; ` +
      'was the key replaced, or is it of another log?',
  );
}
