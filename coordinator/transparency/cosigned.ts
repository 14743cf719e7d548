import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing, writeFileAtomic } from '../../base/atomic-file.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { lockFolder } from '../../base/folder-lock.ts';
import { type CheckpointKeyFault, checkSigned, parseCheckpoint } from '../../proto/transparency/checkpoint.ts';
import { sameHash } from '../../proto/transparency/merkle.ts';
import { treeHead } from '../../proto/transparency/proofs.ts';
import { noteText, type SignedNote, type VerifierKey } from '../../proto/transparency/signed-note.ts';
import { type ReadFaultCode, readBeside } from '../ledger/journal/read-beside.ts';
import { folderOf } from './checkpoint-file.ts';
import { leavesOf } from './prove.ts';

/** Heads of the journal that witnesses have cosigned: a note each, with the signatures of all of them. */
export async function readCosigned(dataDir: string): Promise<readonly Readonly<{ size: number; note: string }>[]> {
  const names = await readdir(folderOf(dataDir)).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  const sizes = names.flatMap((name) => /^cosigned-(\d{1,15})\.note$/.exec(name)?.[1] ?? []).map(Number);
  const notes = sizes
    .toSorted((a, b) => a - b)
    .map(async (size) => ({ size, note: await readFile(pathOf(dataDir, size), 'utf8') }));
  return Promise.all(notes);
}

/** Why a cosigned head is not kept. */
type CosigningFault =
  | CheckpointKeyFault
  | 'NOTE_INVALID'
  | ReadFaultCode
  | 'LOG_FORKED'
  | 'FOLDER_IN_USE'
  | 'FOLDER_UNUSABLE'
  | 'DISK_FULL';

/** Keeps a head that a witness cosigned, beside other witnesses' of the same head, if it is this journal's. Returns its size. */
export async function keepCosigned(
  dataDir: string,
  text: string,
  logKeys: readonly VerifierKey[],
  journalDir = dataDir,
): Promise<Result<number, CosigningFault>> {
  const parsed = parseCheckpoint(text);
  if (!parsed.ok) return parsed;
  const { size, root, note } = parsed.value;
  const signed = checkSigned(parsed.value, logKeys);
  if (!signed.ok) return signed;
  const journal = readBeside(journalDir);
  if (!journal.ok) return journal;
  try {
    const { seq } = journal.value.head();
    if (size > seq || !sameHash(treeHead(leavesOf(journal.value, size), 0, size), root)) {
      return refuse(
        'LOG_FORKED',
        `the head of ${size} entries is not one of this journal, which has ${seq}; keep it as evidence`,
      );
    }
  } finally {
    journal.value.close();
  }
  const lock = lockFolder(join(dataDir, 'cosigning')); // Two at once would each keep the other's signature from lasting.
  if (!lock.ok) return lock;
  try {
    return await addSignatures(dataDir, size, note);
  } finally {
    lock.value.release();
  }
}

async function addSignatures(dataDir: string, size: number, note: SignedNote): Promise<Result<number, 'NOTE_INVALID'>> {
  const before = (await readCosigned(dataDir)).find((known) => known.size === size);
  const known = before === undefined ? undefined : parseCheckpoint(before.note);
  const kept = known?.ok ? known.value.note.signatures : [];
  // What a witness says of this head now takes the place of what it said before: a journal that rests is cosigned again and again.
  const others = kept.filter(
    (other) => !note.signatures.some((one) => one.name === other.name && one.keyId === other.keyId),
  );
  const together = noteText({ text: note.text, signatures: [...others, ...note.signatures] });
  const readable = parseCheckpoint(together);
  if (!readable.ok) {
    return refuse(
      'NOTE_INVALID',
      `with the ${kept.length} signatures of this head that are kept it is no note any more`,
    );
  }
  await writeFileAtomic(pathOf(dataDir, size), together);
  return ok(size);
}

function pathOf(dataDir: string, size: number): string {
  return join(folderOf(dataDir), `cosigned-${size}.note`);
}
