import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing } from '../base/atomic-file.ts';
import { ok, type Result } from '../base/fault.ts';
import type { Timers } from '../base/time.ts';
import type { Digest } from '../proto/ids.ts';
import { type BlobPlaceFaultCode, bucketSettingsOf } from './blob-place.ts';
import type { CoordinatorConfig } from './config/config.ts';
import { type ReadFaultCode, readBeside } from './ledger/journal/read-beside.ts';
import { type FoldFaultCode, ReadingAlong } from './ledger/reading-along.ts';
import { lastingBlobs } from './ledger/state/lasting-blobs.ts';

/** What was looked at of the blobs that a coordinator needs to go on, and found; each for people, with its digest. */
export type BlobCheck = Readonly<{
  /** A folder, or a bucket by its name. */
  place: string;
  looked: number;
  missing: readonly string[];
  /** Other bytes than its name says; only looked for where digests are computed. */
  damaged: readonly string[];
}>;

export type BlobCheckOptions = Readonly<{
  environment: NodeJS.ProcessEnv;
  timers: Timers;
  /** Reads every one of them and computes its digest, rather than to look whether it is there. */
  byDigest: boolean;
}>;

/** Looks for what the journal in a folder names where a configuration has its blobs: in files, or in a bucket. Writes nothing. */
export async function checkBlobs(
  { blobs, dataDirectory }: Pick<CoordinatorConfig, 'blobs' | 'dataDirectory'>,
  journalFolder: string,
  { environment, timers, byDigest }: BlobCheckOptions,
): Promise<Result<BlobCheck, BlobPlaceFaultCode | FoldFaultCode | ReadFaultCode>> {
  if (blobs.s3 === null) return checkFiles(journalFolder, join(dataDirectory, 'blobs'), { byDigest });
  const named = lastingIn(journalFolder);
  if (!named.ok) return named;
  const settings = await bucketSettingsOf(blobs.s3, environment);
  if (!settings.ok) return settings;
  const { lookInBucket } = await import('./blobs/s3/look.ts');
  const found = await lookInBucket(settings.value, timers, [...named.value.keys()], { byDigest });
  if (!found.ok) return found;
  const { missing, damaged } = found.value;
  const here = (digest: Digest) =>
    existsSync(fileOf(join(dataDirectory, 'blobs'), digest))
      ? ', of which this machine has the file: a start puts it there'
      : '';
  const told = [...named.value].map(([digest, what]) => [digest, `${what} (${digest})${here(digest)}`] as const);
  return ok({
    place: `bucket ${blobs.s3.bucket}`,
    looked: told.length,
    missing: told.flatMap(([digest, what]) => (missing.has(digest) ? [what] : [])),
    damaged: told.flatMap(([digest, what]) => (damaged.has(digest) ? [what] : [])),
  });
}

/** The same of a folder of blobs, whatever the configuration says: of a backup, say. */
export async function checkFiles(
  journalFolder: string,
  folder: string,
  { byDigest }: Pick<BlobCheckOptions, 'byDigest'>,
): Promise<Result<BlobCheck, FoldFaultCode | ReadFaultCode>> {
  const named = lastingIn(journalFolder);
  if (!named.ok) return named;
  const [missing, damaged]: [string[], string[]] = [[], []];
  for (const [digest, what] of named.value) {
    const told = `${what} (${digest})`;
    const path = fileOf(folder, digest);
    const found = !existsSync(path) ? undefined : byDigest ? await digestOfFile(path) : digest;
    if (found === undefined) missing.push(told);
    else if (found !== digest) damaged.push(told);
  }
  return ok({ place: folder, looked: named.value.size, missing, damaged });
}

function fileOf(folder: string, digest: Digest): string {
  return join(folder, digest.slice('sha256:'.length));
}

/** undefined where there is no such file, or none any longer. */
async function digestOfFile(path: string): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  return `sha256:${hash.digest('hex')}`;
}

/** Of the blobs of a data directory those whose bytes are not what their names say, hexadecimal: a copy tells nothing of them. */
export async function damagedBlobs(dataDir: string): Promise<readonly string[]> {
  const folder = join(dataDir, 'blobs');
  const damaged: string[] = [];
  for (const name of (await readdir(folder)).filter((each) => /^[0-9a-f]{64}$/.test(each)).toSorted()) {
    if ((await digestOfFile(join(folder, name))) !== `sha256:${name}`) damaged.push(name);
  }
  return damaged;
}

/** By the journal in a folder. */
function lastingIn(journalFolder: string): Result<ReadonlyMap<Digest, string>, FoldFaultCode | ReadFaultCode> {
  const journal = readBeside(journalFolder);
  if (!journal.ok) return journal;
  const along = new ReadingAlong();
  try {
    const folded = along.take([...journal.value.entries(0, journal.value.head().seq)]);
    return folded.ok ? ok(lastingBlobs(along.state)) : folded;
  } finally {
    journal.value.close();
  }
}
