import { folderEntry, type TreeEntry, textEntry } from '../oci/tree.ts';
import { type DebianPackage, debianEntries } from './debian.ts';

/** Who runs in an image: no other user's number, and not root's. */
export const imageUser = 65_532;

/** The lowest layer of every image: Debian's libraries, one user, an empty place for data. */
export async function baseLayer(packages: readonly DebianPackage[]): Promise<TreeEntry[]> {
  return [
    ...(await debianEntries(packages)),
    textEntry(
      'etc/passwd',
      `root:x:0:0:root:/:/nonexistent\ntestudo:x:${imageUser}:${imageUser}::/data:/nonexistent\n`,
    ),
    textEntry('etc/group', `root:x:0:\ntestudo:x:${imageUser}:\n`),
    textEntry('etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n'),
    folderEntry('data', { mode: 0o700, owner: imageUser }),
    // Mount points: the root itself is read-only where an image runs.
    ...['dev', 'proc', 'sys', 'tmp', 'run'].map((path) => folderEntry(path)),
  ];
}
