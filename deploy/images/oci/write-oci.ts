import type { JsonValue } from '../../../base/canonical-json.ts';
import { LayoutWriter } from './layout.ts';
import { type Descriptor, type ImageConfig, type Manifest, mediaTypes, tagAnnotation } from './media-types.ts';
import type { PackedLayer } from './pack-layer.ts';

/** A layer and the words that history has for it. */
export type NamedLayer = Readonly<{ createdBy: string; packed: PackedLayer }>;

/** The image itself: its layers, lowest first, and how it runs. */
export type Image = Readonly<{
  tag: string;
  layers: readonly NamedLayer[];
  config: ImageConfig['config'];
}>;

/** Nothing in an image says when it was made: the same contents give the same digest on any day. */
const created = '1970-01-01T00:00:00Z';
const platform = { architecture: 'amd64', os: 'linux' } as const;

/** Writes an image as an OCI layout into `folder`, replacing what was there. Resolves with its manifest's descriptor. */
export async function writeImage(folder: string, { tag, layers, config }: Image): Promise<Descriptor> {
  const writer = await LayoutWriter.create(folder);
  const blobs: Descriptor[] = [];
  for (const { packed } of layers) blobs.push(await writer.file(mediaTypes.layer, packed));
  const whole: ImageConfig = {
    ...platform,
    config,
    created,
    history: layers.map(({ createdBy }) => ({ created, created_by: createdBy })),
    rootfs: { type: 'layers', diff_ids: layers.map(({ packed }) => packed.diffId) },
  };
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: await writer.json(mediaTypes.config, whole as unknown as JsonValue),
    layers: blobs,
    annotations: config.Labels,
  };
  const described = await writer.json(mediaTypes.manifest, manifest as unknown as JsonValue);
  await writer.index([{ ...described, platform, annotations: { [tagAnnotation]: tag } }]);
  return described;
}

/** Something to attach to an image, and of what kind it is. */
export type Attachment = Readonly<{
  artifactType: string;
  content: Uint8Array;
  annotations?: Readonly<Record<string, string>>;
}>;

/**
 * Attaches artifacts to the image that `subject` describes: manifests with a `subject` of their own, which registries list as
 * its referrers. In the layout's index they stand behind the image.
 */
export async function attach(
  folder: string,
  subject: Descriptor,
  before: readonly Descriptor[],
  attachments: readonly Attachment[],
): Promise<Descriptor[]> {
  const writer = LayoutWriter.open(folder);
  const { mediaType, digest, size } = subject;
  const added: Descriptor[] = [];
  for (const { artifactType, content, annotations } of attachments) {
    const empty = await writer.bytes(mediaTypes.empty, Buffer.from('{}'));
    const manifest: Manifest = {
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      artifactType,
      config: empty,
      layers: [await writer.bytes(artifactType, content)],
      subject: { mediaType, digest, size },
      ...(annotations === undefined ? {} : { annotations }),
    };
    added.push({ ...(await writer.json(mediaTypes.manifest, manifest as unknown as JsonValue)), artifactType });
  }
  await writer.index([...before, ...added]);
  return added;
}
