import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { isMissing } from '../../base/atomic-file.ts';

/** Whether a source's file can be read now; `CLOSED` with the code of why not: a refusal of the kernel, or what is no file. */
export type FileAt = Readonly<
  { kind: 'FILE' } | { kind: 'MISSING' } | { kind: 'CLOSED'; code: string; remedy: string }
>;

/** Opens nothing, so that a pipe waits for nobody. */
export async function fileAt(path: string): Promise<FileAt> {
  try {
    const found = await stat(path);
    await access(path, constants.R_OK);
    if (found.isDirectory()) {
      return { kind: 'CLOSED', code: 'EISDIR', remedy: 'a folder stands where a file should: name the file in it' };
    }
    if (found.isFile()) return { kind: 'FILE' };
    return { kind: 'CLOSED', code: 'NO_REGULAR_FILE', remedy: 'a pipe, a socket or a device cannot be followed' };
  } catch (error) {
    if (isMissing(error)) return { kind: 'MISSING' };
    const code = (error as NodeJS.ErrnoException).code ?? 'UNKNOWN';
    return { kind: 'CLOSED', code, remedy: 'the file cannot be opened: check its rights and where links lead' };
  }
}
