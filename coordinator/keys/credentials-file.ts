import { writeFileAtomic } from '../../base/atomic-file.ts';

/** Writes credentials into a private file, in place of what is there; at no time is there half a file. */
export function replaceCredentialsFile(path: string, credentials: object): Promise<void> {
  return writeFileAtomic(path, `${JSON.stringify(credentials, null, 2)}\n`);
}
