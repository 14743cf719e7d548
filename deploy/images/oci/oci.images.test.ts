import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import { configOf } from '../config.ts';
import { images } from '../images.ts';
import { blobPath } from './layout.ts';
import { attachedTypes } from './media-types.ts';
import { packLayer } from './pack-layer.ts';
import { checkBlobs, readImage, readLayer } from './read-oci.ts';
import { textEntry } from './tree.ts';
import { attach, writeImage } from './write-oci.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'testudo-oci-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** An image of two small layers with something attached, as every image of ours is written. */
async function smallImage(name: string) {
  const layout = join(folder, name);
  const pack = (path: string, text: string) => packLayer([textEntry(path, text)], join(folder, `${name}-layers`));
  const layers = [
    { createdBy: 'lower', packed: await pack('etc/passwd', 'root\n') },
    { createdBy: 'upper', packed: await pack('app/a.js', 'export {};\n') },
  ];
  const manifest = await writeImage(layout, { tag: '1.2.3', layers, config: configOf(images.sensor, '1.2.3') });
  const { index } = unwrap(await readImage(layout));
  await attach(layout, manifest, index, [{ artifactType: attachedTypes.sbom, content: Buffer.from('{"a":1}') }]);
  return { layout, manifest };
}

describe('an image in an OCI layout', () => {
  it('is read back with its config, its layers and what is attached', async () => {
    const { layout, manifest } = await smallImage('a');
    const image = unwrap(await readImage(layout));
    expect(image.descriptor.digest).toBe(manifest.digest);
    expect(image.config.config.User).toBe('65532:65532');
    expect(image.attached.map(({ descriptor, content }) => [descriptor.artifactType, content.toString()])).toEqual([
      [attachedTypes.sbom, '{"a":1}'],
    ]);
    const [lower] = image.manifest.layers;
    const entries = unwrap(await readLayer(layout, lower as never, image.config.rootfs.diff_ids[0] ?? ''));
    expect(entries.map(({ path }) => path)).toEqual(['etc', 'etc/passwd']);
    expect(unwrap(await checkBlobs(layout, image))).toBeUndefined();
  });

  it('is the same, digest and bytes, when it is written again elsewhere', async () => {
    const [first, second] = [await smallImage('a'), await smallImage('b')];
    expect(second.manifest.digest).toBe(first.manifest.digest);
    const blobs = (layout: string) => readdirSync(join(layout, 'blobs', 'sha256')).sort();
    expect(blobs(second.layout)).toEqual(blobs(first.layout));
    expect(readFileSync(join(second.layout, 'index.json'))).toEqual(readFileSync(join(first.layout, 'index.json')));
  });

  it('is read by skopeo, which copies it with nothing lost', async () => {
    const { layout, manifest } = await smallImage('a');
    const shown = JSON.parse(execFileSync('skopeo', ['inspect', `oci:${layout}:1.2.3`], { encoding: 'utf8' }));
    expect(shown).toMatchObject({ Digest: manifest.digest, Architecture: 'amd64', Os: 'linux' });
    execFileSync('skopeo', ['copy', '--quiet', `oci:${layout}:1.2.3`, `oci:${join(folder, 'copied')}:1.2.3`]);
    expect(unwrap(await readImage(join(folder, 'copied'))).descriptor.digest).toBe(manifest.digest);
  });

  it('is refused whichever of its blobs has a byte flipped, or is missing', async () => {
    const { layout } = await smallImage('a');
    const blobs = readdirSync(join(layout, 'blobs', 'sha256'));
    expect(blobs).toHaveLength(7); // Two layers, config, manifest; what is attached, its manifest, and the empty config.
    for (const name of blobs) {
      const place = blobPath(layout, `sha256:${name}`);
      copyFileSync(place, join(folder, 'kept'));
      const bytes = readFileSync(place);
      rmSync(place); // Layers are links into the cache: what is flipped here must not be flipped there.
      if (name !== digestOfEmpty) expect(await codeOf(layout)).toBe('IMAGE_DAMAGED');
      const at = bytes.byteLength >> 1;
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      writeFileSync(place, bytes);
      if (name !== digestOfEmpty) expect(await codeOf(layout)).toBe('IMAGE_DAMAGED');
      copyFileSync(join(folder, 'kept'), place);
    }
    expect(await codeOf(layout)).toBeUndefined();
  });

  it('is not there in an empty folder, and not in one of two images', async () => {
    expect(await codeOf(folder)).toBe('IMAGE_ABSENT');
    const { layout } = await smallImage('a');
    cpSync(layout, join(folder, 'two'), { recursive: true });
    const index = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8'));
    index.manifests.push(index.manifests[0]);
    writeFileSync(join(folder, 'two', 'index.json'), JSON.stringify(index));
    expect(await codeOf(join(folder, 'two'))).toBe('IMAGE_ABSENT');
  });
});

/** `{}`, the config of what is attached: nothing reads it. */
const digestOfEmpty = '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a';

async function codeOf(layout: string): Promise<string | undefined> {
  const image = await readImage(layout);
  if (!image.ok) return image.fault.code;
  const checked = await checkBlobs(layout, image.value);
  return checked.ok ? undefined : checked.fault.code;
}
