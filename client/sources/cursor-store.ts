import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isMissing, writeFileAtomic } from '../../base/atomic-file.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';
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
  /** Where a source is opened again in this run, whatever the disk took. */
  readonly #latest = new Map<string, FilePosition>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Nothing for a source that was never read, or whose cursor cannot be: it is then read from its beginning. */
  async load(source: string): Promise<FilePosition | undefined> {
    const latest = this.#latest.get(source);
    if (latest !== undefined) return latest;
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

  /** A disk that takes no cursor ends no source: after a restart, what was read since the last one is read again. */
  async save(source: string, position: FilePosition): Promise<Result<undefined, 'CURSOR_UNWRITABLE'>> {
    this.#latest.set(source, position);
    try {
      await writeFileAtomic(this.#path(source), JSON.stringify(position));
      return ok(undefined);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      return refuse(
        'CURSOR_UNWRITABLE',
        `${this.#folder} takes no cursors (${code ?? message}); make room on its disk`,
      );
    }
  }

  #path(source: string): string {
    return join(this.#folder, `${createHash('sha256').update(source).digest('hex').slice(0, 16)}.json`);
  }
}
