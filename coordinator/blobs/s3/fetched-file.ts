import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { FaultError } from '../../../base/fault.ts';
import type { Digest } from '../../../proto/ids.ts';
import { blobFault } from '../blob-fault.ts';

/** The store gave bytes that do not have the digest: too few, too many, or others. Asked again, it may give the right ones. */
class ForeignBytes extends Error {
  constructor(digest: Digest) {
    super(`what the store gave for ${digest} has another digest`);
  }
}

/** Writes what comes, and throws at its end where it is not the blob. */
export async function writeChecked(file: FileHandle, body: AsyncIterable<Uint8Array>, digest: Digest): Promise<void> {
  const hash = createHash('sha256');
  for await (const chunk of body) {
    hash.update(chunk);
    await ofThisDisk(() => file.writeFile(chunk));
  }
  if (`sha256:${hash.digest('hex')}` !== digest) throw new ForeignBytes(digest);
}

/** Throws a FaultError where this machine's disk fails: the store is not asked again for that. */
export async function ofThisDisk<Value>(act: () => Promise<Value>): Promise<Value> {
  try {
    return await act();
  } catch (error) {
    throw new FaultError(blobFault(error).fault, { cause: error });
  }
}
