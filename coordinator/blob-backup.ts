import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { syncPath } from '../base/atomic-file.ts';
import { ok, type Result } from '../base/fault.ts';
import type { Timers } from '../base/time.ts';
import { type BlobPlaceFaultCode, openBlobPlace } from './blob-place.ts';
import type { BlobFaultCode } from './blobs/blob-store.ts';
import type { CoordinatorConfig } from './config/config.ts';
import { type ReadFaultCode, readBeside } from './ledger/journal/read-beside.ts';
import { type FoldFaultCode, ReadingAlong } from './ledger/reading-along.ts';
import { digestsNamedIn } from './rounds/orphans.ts';

/**
 * Fetches into a backup what its journal names and the bucket has, so that whoever restores it needs no bucket. Sealed updates
 * of rounds that ended long ago are named and gone.
 */
export async function backUpBucket(
  config: Pick<CoordinatorConfig, 'blobs' | 'dataDirectory'>,
  { environment, timers }: Readonly<{ environment: NodeJS.ProcessEnv; timers: Timers }>,
  target: string,
): Promise<Result<void, BlobFaultCode | BlobPlaceFaultCode | FoldFaultCode | ReadFaultCode>> {
  const named = await digestsNamedInBackup(target);
  if (!named.ok) return named;
  const place = await openBlobPlace(config, environment, timers, () => {});
  if (!place.ok || place.value === undefined) return place.ok ? ok(undefined) : place;
  try {
    const fetched = await place.value.fetchInto(target, named.value);
    if (!fetched.ok) return fetched;
  } finally {
    place.value.close();
  }
  const blobs = join(target, 'blobs');
  for (const name of await readdir(blobs)) await syncPath(join(blobs, name));
  await syncPath(blobs);
  return ok(undefined);
}

/** Every digest that the journal of a backup names, hexadecimal. */
export async function digestsNamedInBackup(
  target: string,
): Promise<Result<ReadonlySet<string>, FoldFaultCode | ReadFaultCode>> {
  const journal = readBeside(target);
  if (!journal.ok) return journal;
  const along = new ReadingAlong();
  try {
    const folded = along.take([...journal.value.entries(0, journal.value.head().seq)]);
    return folded.ok ? ok(await digestsNamedIn(along.state)) : folded;
  } finally {
    journal.value.close();
  }
}
