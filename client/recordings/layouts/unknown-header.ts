import { createReadStream } from 'node:fs';
import { boundedLines } from '../../../base/text/bounded-lines.ts';
import { decompressed } from '../compressed/decompressed.ts';
import { CsvRecords } from '../csv-records.ts';
import { nearestLayout } from './csv-layouts.ts';

/** What is wrong with the header of a file of which no line was understood, as a sentence without an end. */
export async function unknownHeader(path: string): Promise<string> {
  const line = (await firstLine(path)) ?? '';
  const [record] = new CsvRecords().push(line);
  const fields = record?.kind === 'record' ? record.fields : [];
  const near = nearestLayout(fields);
  if (near !== undefined) return `its header lacks ${listed(near.lacks)}, beside ${listed(near.has)}`;
  const separator = [';', '\t', '|'].find((mark) => line.split(mark).length > 2);
  if (fields.length === 1 && separator !== undefined) {
    return `its columns are separated by ${JSON.stringify(separator)}, and a table of flows has commas`;
  }
  return 'its first line is no header of a table of flows, and no line of a flow log (features without ends are feature-rows)';
}

async function firstLine(path: string): Promise<string | undefined> {
  for await (const line of boundedLines(decompressed(createReadStream(path)))) return line;
  return undefined;
}

function listed(names: readonly string[]): string {
  return names.map((name) => JSON.stringify(name)).join(', ');
}
