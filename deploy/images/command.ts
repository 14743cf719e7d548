/**
 * `npm run images -- [NAME …] --out DIR`: builds the images (all unless some are named) as OCI layouts with what belongs to
 * them, and signs them if told; `--verify` checks one, `--tree` and `--dockerfiles` are for those who build with an engine. Ends
 * with 0; with 1 where an image is refused; with 2 where the command line is wrong. What Debian or the disk refused is thrown.
 */
import { createWriteStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { makeFolder } from '../../base/atomic-file.ts';
import { publicKeyFrom, readKey } from '../../cli/operator/root-files.ts';
import { checkout } from '../../tools/setup/places.mjs';
import { setUpOrExit } from '../../tools/setup.mjs';
import { attachTo } from './attached/attach-to.ts';
import { sourceOf } from './attached/provenance.ts';
import { npmSbom } from './attached/sbom.ts';
import { verifyImage } from './attached/sign-image.ts';
import { buildImage, freshIngredients, type Ingredients, layersOf } from './build.ts';
import { dockerfileOf } from './dockerfile.ts';
import { type ImageName, imageNames, images } from './images.ts';
import { entriesBelow } from './oci/tree.ts';
import { writeTar } from './oci/write-tar.ts';
import { imageCache } from './places.ts';
import { sizesOf } from './sizes.ts';
import { writeTree } from './write-tree.ts';

const usage = `usage: npm run images -- [${imageNames.join(' | ')} …] --out DIR [--sign FILE …] [--archive]
       npm run images -- --verify LAYOUT --key KEY …
       npm run images -- NAME --tree DIR
       npm run images -- --dockerfiles

  --out DIR        OCI layouts, one a folder: DIR/NAME; what is there is replaced
  --sign FILE      an Ed25519 private key, as \`testudo root new-key\` makes it; repeatable
  --archive        also DIR/NAME.tar, one file an image, for machines without a network
  --verify LAYOUT  check every blob and the signature of an image
  --key KEY        a public key whose signature is trusted: 64 hexadecimal digits, or its private key's file
  --tree DIR       an image's root folder, unpacked, into a new folder: what its Dockerfile takes
  --dockerfiles    writes deploy/images/Dockerfile.NAME anew
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: 'string' },
    sign: { type: 'string', multiple: true, default: [] },
    archive: { type: 'boolean', default: false },
    verify: { type: 'string' },
    key: { type: 'string', multiple: true, default: [] },
    tree: { type: 'string' },
    dockerfiles: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (values.help) process.stdout.write(usage);
else if (values.verify !== undefined && values.key.length > 0) await verify(values.verify, values.key);
else if (values.dockerfiles) writeDockerfiles();
else if (values.tree !== undefined) await unpack(resolve(values.tree));
else if (values.out !== undefined) await build(resolve(values.out), values.sign, values.archive);
else wrong('say where the images go: --out DIR');

async function build(out: string, signFiles: readonly string[], archive: boolean): Promise<void> {
  const names = positionals.length === 0 ? imageNames : positionals.map(nameOf);
  const keys = signFiles.map(readKey);
  makeFolder(out);
  await withIngredients(async (ingredients) => {
    const [npm, source] = [await npmSbom(checkout), await sourceOf(checkout)];
    for (const name of names) {
      const image = await buildImage(name, ingredients, join(out, name));
      await attachTo(image, { ingredients, npm, source, keys });
      if (archive) {
        const entries = entriesBelow(image.layout, '', () => true);
        await pipeline(writeTar(entries), createWriteStream(join(out, `${name}.tar`)));
      }
      const { pullMB, unpackedMB } = sizesOf(image);
      process.stdout.write(
        `${image.layout}  ${image.manifest.digest}  ${pullMB} MB to pull, ${unpackedMB} MB unpacked\n`,
      );
    }
  });
}

async function unpack(folder: string): Promise<void> {
  const [name, ...more] = positionals.map(nameOf);
  if (name === undefined || more.length > 0) wrong('--tree takes one image');
  await withIngredients(async (ingredients) => {
    const { layers } = await layersOf(images[name], ingredients);
    await writeTree(
      layers.flatMap(({ entries }) => entries),
      folder,
    );
  });
}

function writeDockerfiles(): void {
  for (const name of imageNames) {
    writeFileSync(join(checkout, 'deploy', 'images', `Dockerfile.${name}`), dockerfileOf(images[name]));
  }
}

/** With what images are made of, made anew; packed layers stay in the cache. */
async function withIngredients(work: (ingredients: Ingredients) => Promise<void>): Promise<void> {
  await setUpOrExit({ pureJs: false, redis: 'no', images: 'build' });
  const folder = mkdtempSync(join(tmpdir(), 'testudo-images-'));
  try {
    await work({ ...(await freshIngredients(folder)), layers: imageCache().layers });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function verify(layout: string, keys: readonly string[]): Promise<void> {
  const verified = await verifyImage(resolve(layout), keys.map(publicKeyFrom));
  if (verified.ok) {
    const { name, version, image } = verified.value;
    process.stdout.write(
      `${name} ${version}  ${image.descriptor.digest}: every blob is whole, and the signature holds\n`,
    );
    return;
  }
  process.stderr.write(`${verified.fault.code}: ${verified.fault.message}\n`);
  process.exitCode = 1;
}

function nameOf(text: string): ImageName {
  return imageNames.find((known) => known === text) ?? wrong(`there is no image ${text}`);
}

function wrong(message: string): never {
  process.stderr.write(`${message}\n\n${usage}`);
  return process.exit(2);
}
