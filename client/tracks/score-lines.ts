/** Scores as a text file: a line each, fields separated by tabs. */
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { commitFile, discardWriting, writingPlaceOf } from '../../base/atomic-file.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { onOneLine } from '../../base/text/printable.ts';

/** Writes lines to a file that appears when it is whole; "-" is standard output. */
export async function writeLines(
  lines: Iterable<string> | AsyncIterable<string>,
  output: string,
): Promise<Result<void, 'OUTPUT_UNWRITABLE'>> {
  const partial = writingPlaceOf(output);
  try {
    if (output === '-') {
      for await (const line of lines) process.stdout.write(line);
      return ok(undefined);
    }
    await pipeline(Readable.from(lines), createWriteStream(partial));
    await commitFile(partial, output, { durable: false });
    return ok(undefined);
  } catch (error) {
    await discardWriting(partial, output);
    return refuse('OUTPUT_UNWRITABLE', `${output}: ${(error as Error).message}`);
  }
}

/** A line of these fields. Names come from peers: none makes a column of its own, and none is an order to a terminal. */
export function lineOf(fields: readonly string[]): string {
  return `${fields.map(onOneLine).join('\t')}\n`;
}
