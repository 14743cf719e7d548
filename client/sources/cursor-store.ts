import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isMissing, writeFileAtomic } from '../../base/atomic-file.ts';
import type { FilePosition } from '../recordings/file-follower.ts';

/** `writtenMs` and `size` came later: a position of an older client has none. */
const stored = z.strictObject({
  inode: z.string(),
  offset: z.int().nonnegative(),
  head: z.string(),
  writtenMs: z.number().optional(),
  size: z.number().optional(),
});

/** Where each source goes on after a restart; one small file for each. */
export class CursorStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Nothing for a source that was never read, or whose cursor cannot be: it is then read from its beginning. */
  async load(source: string): Promise<FilePosition | undefined> {
    let text: string;
    try {
      text = await readFile(this.#path(source), 'utf8');
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
    try {
      return stored.parse(JSON.parse(text));
    } catch {
      return undefined;
    }
  }

  async save(source: string, position: FilePosition): Promise<void> {
    await writeFileAtomic(this.#path(source), JSON.stringify(position));
  }

  #path(source: string): string {
    return join(this.#folder, `${createHash('sha256').update(source).digest('hex').slice(0, 16)}.json`);
  }
}
