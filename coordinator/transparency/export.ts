import { Readable } from 'node:stream';
import { openAtomic } from '../../base/atomic-file.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { signCheckpoint } from '../../proto/transparency/checkpoint.ts';
import { Frontier } from '../../proto/transparency/merkle.ts';
import { openEntry } from '../ledger/journal/entry.ts';
import type { JournalHead } from '../ledger/journal/journal.ts';
import { type JournalReader, type ReadFaultCode, readBeside } from '../ledger/journal/read-beside.ts';
import { readCheckpoints, treeText } from './checkpoint-file.ts';
import { type CheckpointSigner, publicCheckpointKeys } from './checkpoint-key.ts';
import { readCosigned } from './cosigned.ts';
import { exportFormat } from './export-format.ts';
import { leafOf } from './leaf.ts';
import { ocsfEvent } from './ocsf.ts';

export type ExportFault = ReadFaultCode | 'ENTRY_NOT_FOUND';

/**
 * The journal as JSON lines that anybody can check without the coordinator: a line that says where it starts and ends, then
 * each entry as it is hashed (`body`, canonical JSON) and the chain's digest with it, and signed heads after the entries
 * that they cover, the last one signed now. Safe beside a running coordinator. `from`: the first position. Without a signer
 * no head is signed. `journalDir`: where the journal lies, where that is a copy out of a database. Returns the last entry.
 */
export function exportAudit(
  dataDir: string,
  file: string,
  from: number,
  signer?: CheckpointSigner,
  journalDir = dataDir,
): Promise<Result<JournalHead, ExportFault>> {
  return reading(journalDir, from, async (journal, before, through) => {
    const notes = await notesOf(dataDir);
    const keys = await publicCheckpointKeys(dataDir);
    const lines = function* () {
      const frontier = Frontier.empty();
      for (const { chain } of journal.entries(0, before.seq)) frontier.push(leafOf(chain));
      const start = { afterSequence: before.seq, afterChain: before.chain, afterTree: treeText(frontier.roots) };
      const origin = signer?.origin ?? null;
      yield jsonLine({ format: exportFormat, ...start, throughSequence: through.seq, origin, keys });
      for (const { seq, body, chain } of journal.entries(before.seq, through.seq)) {
        frontier.push(leafOf(chain));
        yield jsonLine({ sequence: seq, body, chain });
        for (const checkpoint of notes.get(seq) ?? []) yield jsonLine({ checkpoint });
      }
      const { size } = frontier;
      if (signer === undefined || size === 0) return;
      yield jsonLine({ checkpoint: signCheckpoint(signer.origin, { size, root: frontier.root() }, signer.key) });
    };
    await writeLines(file, lines());
  });
}

/** The journal as events of the Open Cybersecurity Schema Framework, a line each, for a SIEM. Nothing in them is signed. */
export function exportOcsf(dataDir: string, file: string, from: number): Promise<Result<JournalHead, ExportFault>> {
  return reading(dataDir, from, async (journal, before, through) => {
    const lines = function* () {
      for (const row of journal.entries(before.seq, through.seq)) yield jsonLine(ocsfEvent(openEntry(row)));
    };
    await writeLines(file, lines());
  });
}

async function reading(
  dataDir: string,
  from: number,
  write: (journal: JournalReader, before: JournalHead, through: JournalHead) => Promise<void>,
): Promise<Result<JournalHead, ExportFault>> {
  const opened = readBeside(dataDir);
  if (!opened.ok) return opened;
  const journal = opened.value;
  try {
    const before = journal.at(from - 1);
    if (before === undefined) return refuse('ENTRY_NOT_FOUND', `the journal has no entry ${from - 1} to go on from`);
    const through = journal.head();
    await write(journal, before, through);
    return ok(through);
  } finally {
    journal.close();
  }
}

/** Heads that were signed as the journal grew, and those that witnesses cosigned, by size. */
async function notesOf(dataDir: string): Promise<ReadonlyMap<number, readonly string[]>> {
  const notes = new Map<number, string[]>();
  for (const { checkpoint, note } of await readCheckpoints(dataDir)) notes.set(checkpoint.size, [note]);
  for (const { size, note } of await readCosigned(dataDir)) notes.set(size, [...(notes.get(size) ?? []), note]);
  return notes;
}

async function writeLines(file: string, lines: Generator<string>): Promise<void> {
  const writing = await openAtomic(file);
  try {
    await writing.file.writeFile(Readable.from(lines));
    await writing.commit();
  } finally {
    await writing.abandon();
  }
}

function jsonLine(value: object): string {
  return `${JSON.stringify(value)}\n`;
}
