import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../../base/atomic-file.ts';
import type { KnownMatter } from './changes.ts';
import { keyOf } from './notification.ts';

const format = 'testudo/known-matters/1';

function fileIn(dataDirectory: string): string {
  return join(dataDirectory, 'alerts', 'known.json');
}

/** What stood when this coordinator last looked; nothing where that cannot be read: then what stands is told once more. */
export async function readKnown(dataDirectory: string): Promise<ReadonlyMap<string, KnownMatter>> {
  try {
    const stored = JSON.parse(await readFile(fileIn(dataDirectory), 'utf8')) as {
      format: string;
      matters: KnownMatter[];
    };
    if (stored.format !== format) return new Map();
    return new Map(stored.matters.map((known) => [keyOf(known.matter), known]));
  } catch {
    return new Map(); // Whatever hinders that is no reason not to serve; where it hinders writing as well, that is said.
  }
}

/** Rejects with the system's errors, such as that of a full disk. */
export async function writeKnown(dataDirectory: string, known: ReadonlyMap<string, KnownMatter>): Promise<void> {
  await writeFileAtomic(fileIn(dataDirectory), JSON.stringify({ format, matters: [...known.values()] }));
}
