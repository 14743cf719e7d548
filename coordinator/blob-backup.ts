import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { syncPath } from '../base/atomic-file.ts';
import { ok, type Result } from '../base/fault.ts';
import type { Timers } from '../base/time.ts';
import type { Digest } from '../proto/ids.ts';
import { type BlobPlaceFaultCode, openBlobPlace } from './blob-place.ts';
import type { BlobFaultCode } from './blobs/blob-store.ts';
import type { CoordinatorConfig } from './config/config.ts';
import { type ReadFaultCode, readBeside } from './ledger/journal/read-beside.ts';
import { type FoldFaultCode, ReadingAlong } from './ledger/reading-along.ts';
import { lastingBlobs } from './ledger/state/lasting-blobs.ts';
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

/** Of the blobs of a data directory those whose bytes are not what their names say, hexadecimal: a copy tells nothing of them. */
export async function damagedBlobs(dataDir: string): Promise<readonly string[]> {
  const folder = join(dataDir, 'blobs');
  const damaged: string[] = [];
  for (const name of (await readdir(folder)).filter((each) => /^[0-9a-f]{64}$/.test(each)).toSorted()) {
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(join(folder, name))) hash.update(chunk as Buffer);
    if (hash.digest('hex') !== name) damaged.push(name);
  }
  return damaged;
}

/** What a folder of `blobs/` lacks of that by the journal beside it, for people; nothing of what is there is read. */
export function missingBlobs(dataDir: string): Result<readonly string[], FoldFaultCode | ReadFaultCode> {
  const journal = readBeside(dataDir);
  if (!journal.ok) return journal;
  const along = new ReadingAlong();
  try {
    const folded = along.take([...journal.value.entries(0, journal.value.head().seq)]);
    if (!folded.ok) return folded;
  } finally {
    journal.value.close();
  }
  const isThere = (digest: Digest) => existsSync(join(dataDir, 'blobs', digest.slice('sha256:'.length)));
  return ok(
    [...lastingBlobs(along.state)].flatMap(([digest, what]) => (isThere(digest) ? [] : [`${what} (${digest})`])),
  );
}
