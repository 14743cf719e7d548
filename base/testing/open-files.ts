import { readdirSync, readlinkSync } from 'node:fs';

/** The paths of the files that this process has open, once for each descriptor; one that was removed ends with " (deleted)". Linux alone tells. */
export function openFiles(): readonly string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return []; // Of the listing itself.
    }
  });
}
