/**
 * `npm run images -- [NAME …] --out DIR`: builds the images (all unless some are named) as OCI layouts, DIR/NAME. Ends with 0,
 * or with 2 where the command line is wrong; what Debian or the disk refused is thrown.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { setUpOrExit } from '../../tools/setup.mjs';
import { buildImage, freshIngredients } from './build.ts';
import { type ImageName, imageNames } from './images.ts';
import { imageCache } from './places.ts';

const usage = `usage: npm run images -- [${imageNames.join(' | ')} …] --out DIR

  --out DIR   OCI layouts, one a folder: DIR/NAME; what is there is replaced
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { out: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
});
if (values.help === true || values.out === undefined) {
  process.stdout.write(usage);
  process.exit(values.help === true ? 0 : 2);
}
const names = positionals.length === 0 ? imageNames : positionals.map(nameOf);
await setUpOrExit({ pureJs: false, redis: 'no', images: true });

const out = resolve(values.out);
mkdirSync(out, { recursive: true });
const folder = mkdtempSync(join(tmpdir(), 'testudo-images-'));
try {
  const ingredients = { ...(await freshIngredients(folder)), layers: imageCache().layers };
  for (const name of names) {
    const { manifest, layout, layers } = await buildImage(name, ingredients, join(out, name));
    const sum = (key: 'size' | 'unpackedBytes') => layers.reduce((bytes, { packed }) => bytes + packed[key], 0);
    const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
    process.stdout.write(
      `${layout}  ${manifest.digest}  ${megabytes(sum('size'))} to pull, ${megabytes(sum('unpackedBytes'))} unpacked\n`,
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function nameOf(text: string): ImageName {
  const name = imageNames.find((known) => known === text);
  if (name !== undefined) return name;
  process.stderr.write(`there is no image ${text}\n\n${usage}`);
  return process.exit(2);
}
