import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SourceItem } from '../../events/source-item.ts';
import type { ReaderTable } from './reader-case.ts';

const newline = Buffer.from('\n');

/** The items of a file that holds these lines, each ended by a newline, read to its end by the reader itself. */
export async function readLines(
  { open }: Pick<ReaderTable, 'open'>,
  lines: readonly (string | Uint8Array)[],
): Promise<SourceItem[]> {
  const folder = await mkdtemp(join(tmpdir(), 'testudo-reader-'));
  try {
    const path = join(folder, 'lines.log');
    await writeFile(path, Buffer.concat(lines.flatMap((line) => [Buffer.from(line as Uint8Array), newline])));
    const items: SourceItem[] = [];
    for await (const batch of open(path, { follow: false, signal: new AbortController().signal })) {
      items.push(...batch.items);
    }
    return items;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
