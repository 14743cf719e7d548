import { readFile } from 'node:fs/promises';
import { ok, type Result, refuse } from '../../base/fault.ts';

/** Root metadata that came by hand, of the file that a setting of this name says; undefined where the first root that comes is trusted. */
export async function readTrustAnchor(
  setting: string,
  path: string | undefined,
): Promise<Result<Uint8Array | undefined, 'ANCHOR_UNREADABLE'>> {
  if (path === undefined) return ok(undefined);
  try {
    return ok(await readFile(path));
  } catch (error) {
    return refuse('ANCHOR_UNREADABLE', `${setting}: ${path} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}
