import { existsSync, readFileSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolder } from '../../base/atomic-file.ts';
import type { LockedPackage } from '../../tools/packaging/lockfile.ts';
import { checkout } from '../../tools/setup/places.mjs';
import { configOf } from './config.ts';
import { buildDist, cachedDist } from './dist.ts';
import { type ImageName, type ImageSpec, images } from './images.ts';
import { appLayer, reachedByImage } from './layers/app-layer.ts';
import { baseLayer } from './layers/base-layer.ts';
import { type DebianPackage, debianPackages, fetchDebian } from './layers/debian.ts';
import { nodeLayer, packageLayer, packagesOfImage, tensorflowLayer } from './layers/package-layers.ts';
import type { Descriptor } from './oci/media-types.ts';
import { packLayer } from './oci/pack-layer.ts';
import type { TreeEntry } from './oci/tree.ts';
import { type NamedLayer, writeImage } from './oci/write-oci.ts';
import { imageCache, markUsed } from './places.ts';

/** What all images of one run are made of. */
export type Ingredients = Readonly<{ dist: string; debian: readonly DebianPackage[]; layers: string }>;

/** A layer before it is packed. */
export type Layer = Readonly<{ createdBy: string; entries: readonly TreeEntry[] }>;

/** An image as it stands in its layout, and what went into it, for whoever describes it. */
export type BuiltImage = Readonly<{
  spec: ImageSpec;
  version: string;
  /** As the package in it names its build. */
  build: string;
  layout: string;
  manifest: Descriptor;
  layers: readonly NamedLayer[];
  packages: readonly LockedPackage[];
}>;

/**
 * Everything made anew in `folder`, from the newest packages that Debian offers: what is released wants that, and the proof
 * that it comes out the same.
 */
export async function freshIngredients(folder: string): Promise<Ingredients> {
  const dist = join(folder, 'dist');
  await Promise.all([buildDist(dist), fetchInto(join(folder, 'debian'))]);
  return { dist, debian: await debianPackages(join(folder, 'debian')), layers: join(folder, 'layers') };
}

/** The same out of the cache, as far as it holds what these sources come to; Debian's packages as they were first fetched. */
export async function cachedIngredients(): Promise<Ingredients> {
  const cache = imageCache();
  if (!existsSync(cache.debian)) await fetchInto(cache.debian);
  return { dist: await cachedDist(), debian: await debianPackages(cache.debian), layers: cache.layers };
}

async function fetchInto(folder: string): Promise<void> {
  makeFolder(`${folder}.new`);
  await fetchDebian(`${folder}.new`);
  await rename(`${folder}.new`, folder);
}

/** An image's layers, lowest first: what changes least lies lowest, and images share what they have in common. */
export async function layersOf(spec: ImageSpec, { dist, debian }: Ingredients) {
  const reached = reachedByImage(dist, spec);
  const packages = packagesOfImage(checkout, spec, reached.packages);
  const layers: Layer[] = [
    { createdBy: 'Debian packages', entries: await baseLayer(debian) },
    { createdBy: 'node', entries: nodeLayer(checkout) },
    ...(spec.tensorflow ? [{ createdBy: 'native TensorFlow', entries: tensorflowLayer(checkout) }] : []),
    { createdBy: 'packages of npm', entries: packageLayer(checkout, packages) },
    { createdBy: 'testudo', entries: appLayer(dist, spec, reached) },
  ];
  return { layers, packages };
}

/** Builds one image into the folder `layout`. */
export async function buildImage(name: ImageName, ingredients: Ingredients, layout: string): Promise<BuiltImage> {
  const spec = images[name];
  const { version, build } = namesOf(ingredients.dist);
  const { layers, packages } = await layersOf(spec, ingredients);
  const named: NamedLayer[] = [];
  for (const { createdBy, entries } of layers) {
    const packed = await packLayer(entries, ingredients.layers);
    await markUsed(dirname(packed.file));
    named.push({ createdBy, packed });
  }
  const manifest = await writeImage(layout, { tag: version, layers: named, config: configOf(spec, version) });
  return { spec, version, build, layout, manifest, layers: named, packages };
}

function namesOf(dist: string): Readonly<{ version: string; build: string }> {
  return JSON.parse(readFileSync(join(dist, 'package.json'), 'utf8')) as { version: string; build: string };
}
