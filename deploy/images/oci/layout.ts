import { copyFile, link, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../../base/atomic-file.ts';
import { canonicalBytes, type JsonValue } from '../../../base/canonical-json.ts';
import { digestOf } from '../../../proto/digest.ts';
import { type Descriptor, mediaTypes } from './media-types.ts';

/** Where an OCI layout keeps a blob. Throws on what is no SHA-256 digest: it would name another place. */
export function blobPath(layout: string, digest: string): string {
  if (!/^sha256:[0-9a-f]{64}$/.test(digest)) throw new Error(`image: no SHA-256 digest: ${JSON.stringify(digest)}`);
  return join(layout, 'blobs', 'sha256', digest.slice('sha256:'.length));
}

/** An OCI layout (image specification 1.1) that is being written: blobs by digest, then one index over them. */
export class LayoutWriter {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** An empty layout in the place of whatever was there. */
  static async create(folder: string): Promise<LayoutWriter> {
    await rm(folder, { recursive: true, force: true });
    makeFolder(join(folder, 'blobs', 'sha256'));
    await writeFile(join(folder, 'oci-layout'), canonicalBytes({ imageLayoutVersion: '1.0.0' }));
    return new LayoutWriter(folder);
  }

  /** A layout that is there, to add to. */
  static open(folder: string): LayoutWriter {
    return new LayoutWriter(folder);
  }

  /** Writes a JSON blob in its canonical form. */
  async json(mediaType: string, value: JsonValue): Promise<Descriptor> {
    return await this.bytes(mediaType, canonicalBytes(value));
  }

  async bytes(mediaType: string, content: Uint8Array): Promise<Descriptor> {
    const digest = digestOf(content);
    await writeFile(blobPath(this.#folder, digest), content);
    return { mediaType, digest, size: content.byteLength };
  }

  /** Takes over a file whose digest and size are known, by a link where the file system lets us. */
  async file(mediaType: string, { digest, size, file }: Readonly<{ digest: string; size: number; file: string }>) {
    const place = blobPath(this.#folder, digest);
    await rm(place, { force: true });
    await link(file, place).catch(() => copyFile(file, place));
    return { mediaType, digest, size } satisfies Descriptor;
  }

  /** Last: what the layout holds. */
  async index(manifests: readonly Descriptor[]): Promise<void> {
    const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests } as unknown as JsonValue;
    await writeFile(join(this.#folder, 'index.json'), canonicalBytes(index));
  }
}

/** The manifests that a layout names. Rejects where there is no layout, or one of another version. */
export async function readIndex(folder: string): Promise<readonly Descriptor[]> {
  const layout = JSON.parse(await readFile(join(folder, 'oci-layout'), 'utf8')) as { imageLayoutVersion?: string };
  if (layout.imageLayoutVersion !== '1.0.0') throw new Error(`image: ${folder} is no OCI layout of version 1.0.0`);
  const index = JSON.parse(await readFile(join(folder, 'index.json'), 'utf8')) as { manifests?: readonly Descriptor[] };
  if (!Array.isArray(index.manifests)) throw new Error(`image: ${folder}/index.json names no manifests`);
  return index.manifests;
}
