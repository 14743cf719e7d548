import { writeFileAtomic, writeNewFile } from '../../base/atomic-file.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';

/** Writes credentials into a private file of their own. Refused when it is there already: it may be someone's only key. */
export function writeNewCredentialsFile(path: string, credentials: object): Result<void, 'CREDENTIALS_EXIST'> {
  try {
    writeNewFile(path, textOf(credentials));
    return ok(undefined);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return refuse('CREDENTIALS_EXIST', `${path} exists; move it away, or give another path`);
  }
}

/** The same in place of what is there; at no time is there half a file. */
export function replaceCredentialsFile(path: string, credentials: object): Promise<void> {
  return writeFileAtomic(path, textOf(credentials));
}

function textOf(credentials: object): string {
  return `${JSON.stringify(credentials, null, 2)}\n`;
}
