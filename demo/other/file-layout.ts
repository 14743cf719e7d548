import { createReadStream } from 'node:fs';
import { boundedLines } from '../../base/text/bounded-lines.ts';
import { AddressBook } from '../../client/recordings/address-book.ts';
import { decompressed } from '../../client/recordings/compressed/decompressed.ts';
import { csvFlowRecording } from '../../client/recordings/csv-flow-file.ts';

/** What a file of recorded data holds: traces of system calls, flows between named ends, or rows of features. */
export type FileLayout = 'traces' | 'flows' | 'rows';

const columnsMin = 5;

/**
 * By a file's beginning. Traces have tabs; a table whose columns name both ends of a flow holds flows, any other table with a header holds
 * rows. What cannot be read is taken for traces: their reader says best what is wrong.
 */
export async function fileLayout(path: string): Promise<FileLayout> {
  const first = await firstLine(path);
  if (first === undefined || first.includes('\t') || first.split(',').length < columnsMin) return 'traces';
  try {
    for await (const items of csvFlowRecording(path, { addresses: new AddressBook(), part: undefined })) {
      if (items.some(({ kind }) => kind === 'flow')) return 'flows';
      if (items.length > 0) return 'rows';
    }
  } catch {
    // What is cut short is told by whoever reads it whole.
  }
  return 'rows';
}

async function firstLine(path: string): Promise<string | undefined> {
  try {
    for await (const line of boundedLines(decompressed(createReadStream(path)))) return line;
  } catch {
    return undefined;
  }
  return undefined;
}
