import { join } from 'node:path';
import { z } from 'zod';
import { ok, type Result, refuse } from '../../../base/fault.ts';
import { digestOf } from '../../../proto/digest.ts';
import { readBounded } from './bounded-file.ts';
import type { ImageKey } from './image-key.ts';
import { maySign, signatureAnnotation, signedDigests } from './signed-digest.ts';

/** What an OCI layout (a folder, image specification 1.1) says of images. */
export type SignedLayout = Readonly<{
  /** Digests that one of the keys has signed. */
  signed: ReadonlySet<string>;
  /** Digests of images that lie in it: one that is not signed has no signature of these keys here. */
  held: ReadonlySet<string>;
  /** False where a blob that may hold a signature, or name one, could not be read: it may still be on its way. */
  isWhole: boolean;
}>;

/** Bounds: whoever can write into the folder can make this reading neither long nor large. */
const indexBytesMax = 8 << 20;
const blobBytesMax = 1 << 20;
const manifestsMax = 10_000;
const signaturesMax = 20_000;
/** What all indexes together name, however often they name the same. */
const namedMax = 100_000;
/** 256 MiB: what all that is read has together. A manifest has a few KiB. */
const readBytesMax = 256 << 20;

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
const descriptor = z.object({
  mediaType: z.string().default(''),
  digest,
  size: z.number(),
  annotations: z.record(z.string(), z.string()).default({}),
});
const index = z.object({ manifests: z.array(descriptor) });
const manifest = z.object({ layers: z.array(descriptor).default([]) });

/**
 * Reads every manifest that a layout names, and of those with signatures the signatures. A blob that is not what its digest
 * says, or is missing, says nothing; an index of images (several platforms) speaks for the images in it. Never throws. Of at most
 * `bytesMax` bytes together: a few large blobs, named again and again, cost as much as many.
 */
export async function readSignedLayout(
  folder: string,
  keys: readonly ImageKey[],
  bytesMax = readBytesMax,
): Promise<Result<SignedLayout, 'LAYOUT_UNREADABLE'>> {
  const bytes = await readBounded(join(folder, 'index.json'), indexBytesMax);
  const top = index.safeParse(jsonIn(bytes));
  if (bytes === undefined || !top.success) {
    return refuse('LAYOUT_UNREADABLE', `${folder}: holds no OCI layout: no index.json that names manifests`);
  }
  const waiting = [...top.data.manifests];
  const [signed, held] = [new Set<string>(), new Set<string>()];
  const members = new Map<string, readonly string[]>();
  const seen = new Set<string>();
  let signatures = 0;
  let named = waiting.length;
  let isWhole = true;
  let bytesRead = bytes.length;
  /** A blob of at most `blobBytesMax`, whole and what its digest says; undefined otherwise. */
  const blobOf = async (digest: string): Promise<Buffer | undefined> => {
    const path = join(folder, 'blobs', 'sha256', digest.slice('sha256:'.length));
    const content = await readBounded(path, blobBytesMax);
    bytesRead += content?.length ?? 0;
    return content !== undefined && digestOf(content) === digest ? content : undefined;
  };
  const isTooMuch = () =>
    seen.size > manifestsMax || signatures > signaturesMax || named > namedMax || bytesRead > bytesMax;
  const most = `${manifestsMax} manifests, ${namedMax} names of them, ${signaturesMax} signatures or ${bytesMax} bytes of these`;
  const tooMuch = refuse(
    'LAYOUT_UNREADABLE',
    `${folder}: holds more than ${most}: nothing can be said of what is in it`,
  );
  for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
    if (seen.has(one.digest)) continue;
    seen.add(one.digest);
    if (isTooMuch()) return tooMuch;
    const read = jsonIn(await blobOf(one.digest));
    isWhole &&= read !== undefined;
    const platforms = index.safeParse(read);
    if (platforms.success) {
      held.add(one.digest);
      named += platforms.data.manifests.length;
      members.set(
        one.digest,
        platforms.data.manifests.map((member) => member.digest),
      );
      waiting.push(...platforms.data.manifests);
      continue;
    }
    const image = manifest.safeParse(read);
    const layers = image.success ? image.data.layers : [];
    const mayHold = layers.filter(({ mediaType }) => maySign(mediaType));
    if (read !== undefined && mayHold.length === 0) held.add(one.digest);
    for (const { mediaType, digest: blob, annotations } of mayHold) {
      signatures += 1;
      if (isTooMuch()) return tooMuch;
      const content = await blobOf(blob);
      isWhole &&= content !== undefined;
      if (content === undefined) continue;
      const annotation = annotations[signatureAnnotation];
      for (const digest of signedDigests({ mediaType, bytes: content, annotation }, keys)) signed.add(digest);
    }
  }
  for (const [whole, parts] of members) if (signed.has(whole)) for (const part of parts) signed.add(part);
  return ok({ signed, held, isWhole });
}

function jsonIn(bytes: Buffer | undefined): unknown {
  try {
    return bytes === undefined ? undefined : JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
