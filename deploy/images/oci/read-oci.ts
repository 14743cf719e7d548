import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { ok, type Result, refuse } from '../../../base/fault.ts';
import { digestOfFile } from '../../../client/storage/digest-of-file.ts';
import { digestOf } from '../../../proto/digest.ts';
import { blobPath, readIndex } from './layout.ts';
import { type Descriptor, type ImageConfig, type Manifest, mediaTypes } from './media-types.ts';
import { Passing } from './passing.ts';
import { readTar, type TarEntry } from './read-tar.ts';

/** An image as its layout says, every JSON blob of it held against its digest. */
export type ReadImage = Readonly<{
  descriptor: Descriptor;
  manifest: Manifest;
  config: ImageConfig;
  /** What is attached to it, in the index's order. */
  attached: readonly Attached[];
  index: readonly Descriptor[];
}>;

export type Attached = Readonly<{ descriptor: Descriptor; manifest: Manifest; content: Buffer }>;

export type ImageFaultCode = 'IMAGE_ABSENT' | 'IMAGE_DAMAGED';

/**
 * Reads the one image of a layout, without its layers' contents. IMAGE_ABSENT: no layout, or not one image in it.
 * IMAGE_DAMAGED: a blob is missing, or is not what its digest says.
 */
export async function readImage(folder: string): Promise<Result<ReadImage, ImageFaultCode>> {
  const index = await readIndex(folder).catch((error: Error) => error);
  if (index instanceof Error) return refuse('IMAGE_ABSENT', `${folder} holds no image: ${index.message}`);
  const [descriptor, ...more] = index.filter(({ artifactType }) => artifactType === undefined);
  if (descriptor === undefined || more.length > 0) {
    return refuse('IMAGE_ABSENT', `${folder} holds ${more.length === 0 ? 'no image' : 'more than one image'}`);
  }
  const manifest = await readJson<Manifest>(folder, descriptor);
  if (!manifest.ok) return manifest;
  const config = await readJson<ImageConfig>(folder, manifest.value.config);
  if (!config.ok) return config;
  const attached: Attached[] = [];
  for (const one of index) {
    if (one === descriptor) continue;
    const read = await readAttached(folder, one, descriptor);
    if (!read.ok) return read;
    attached.push(read.value);
  }
  return ok({ descriptor, manifest: manifest.value, config: config.value, attached, index });
}

async function readAttached(
  folder: string,
  descriptor: Descriptor,
  subject: Descriptor,
): Promise<Result<Attached, ImageFaultCode>> {
  const manifest = await readJson<Manifest>(folder, descriptor);
  if (!manifest.ok) return manifest;
  const [layer] = manifest.value.layers;
  if (manifest.value.subject?.digest !== subject.digest || layer === undefined) {
    return refuse('IMAGE_DAMAGED', `${descriptor.digest} is not attached to this image`);
  }
  const content = await readBlob(folder, layer);
  return content.ok ? ok({ descriptor, manifest: manifest.value, content: content.value }) : content;
}

/** What unpacking a layer in memory would come to: each entry, and the SHA-256 of each file. */
export type LayerEntry = TarEntry & Readonly<{ sha256: string | undefined }>;

/**
 * Reads a layer, holds it against its digest and the diff id that the config names for it. `also` sees the tar inside on its
 * way, before any of it has been checked.
 */
export async function readLayer(
  folder: string,
  descriptor: Pick<Descriptor, 'digest'>,
  diffId: string,
  also: (tar: AsyncIterable<Buffer>) => AsyncIterable<Buffer> = (tar) => tar,
): Promise<Result<LayerEntry[], ImageFaultCode>> {
  const [inside, outside] = [new Passing(), new Passing()];
  const files = new Map<TarEntry, ReturnType<typeof createHash>>();
  const entries: LayerEntry[] = [];
  try {
    await pipeline(
      createReadStream(blobPath(folder, descriptor.digest), { highWaterMark: 1 << 20 }),
      outside.step(),
      createGunzip({ chunkSize: 1 << 20 }),
      inside.step(),
      also,
      async (tar: AsyncIterable<Buffer>) => {
        const onBytes = (entry: TarEntry, bytes: Buffer) => {
          const hash = files.get(entry) ?? createHash('sha256');
          files.set(entry, hash.update(bytes));
        };
        for await (const entry of readTar(tar, onBytes)) {
          const hash = files.get(entry) ?? (entry.kind === 'file' ? createHash('sha256') : undefined);
          entries.push({ ...entry, sha256: hash?.digest('hex') });
          files.delete(entry);
        }
      },
    );
  } catch (error) {
    return refuse('IMAGE_DAMAGED', `layer ${descriptor.digest} cannot be read: ${(error as Error).message}`);
  }
  const found = outside.digest();
  if (found !== descriptor.digest) return refuse('IMAGE_DAMAGED', `layer ${descriptor.digest} has the digest ${found}`);
  const unpacked = inside.digest();
  if (unpacked !== diffId) return refuse('IMAGE_DAMAGED', `layer ${descriptor.digest} unpacks to ${unpacked}`);
  return ok(entries);
}

/** Every blob of an image against its digest, layers without unpacking them: what a copy has to come through. */
export async function checkBlobs(folder: string, image: ReadImage): Promise<Result<undefined, ImageFaultCode>> {
  for (const { digest } of image.manifest.layers) {
    const found = await digestOfFile(blobPath(folder, digest)).catch((error: Error) => error);
    if (found instanceof Error) return refuse('IMAGE_DAMAGED', `layer ${digest} cannot be read: ${found.message}`);
    if (found !== digest) return refuse('IMAGE_DAMAGED', `layer ${digest} has the digest ${found}`);
  }
  return ok(undefined);
}

async function readJson<T>(folder: string, descriptor: Descriptor): Promise<Result<T, ImageFaultCode>> {
  const known = new Set<string>([mediaTypes.manifest, mediaTypes.config]);
  if (!known.has(descriptor.mediaType)) {
    return refuse('IMAGE_DAMAGED', `${descriptor.digest} is ${descriptor.mediaType}, which is not expected here`);
  }
  const bytes = await readBlob(folder, descriptor);
  return bytes.ok ? ok(JSON.parse(bytes.value.toString('utf8')) as T) : bytes;
}

async function readBlob(folder: string, { digest, size }: Descriptor): Promise<Result<Buffer, ImageFaultCode>> {
  const bytes = await readFile(blobPath(folder, digest)).catch((error: Error) => error);
  if (bytes instanceof Error) return refuse('IMAGE_DAMAGED', `blob ${digest} cannot be read: ${bytes.message}`);
  if (bytes.byteLength === size && digestOf(bytes) === digest) return ok(bytes);
  return refuse('IMAGE_DAMAGED', `blob ${digest} has the digest ${digestOf(bytes)} and ${bytes.byteLength} bytes`);
}
