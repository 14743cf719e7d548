/**
 * Puts the packages that our sources import into a few files, for the many processes and threads that tests start. A
 * coordinator imports five hundred files of other people, and finding, reading and linking them one by one was two thirds of
 * what its start cost: @peculiar/x509 alone is 160 of them, a quarter of a second together and a hundredth in one file.
 *
 * The same code, chosen by Node's own rules, and every package once. What runs without this is tested where the package and
 * the images are (deploy/): they load what they hold. `stripped.mjs` sends our imports here.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from 'vite';
import { checkout } from '../setup/places.mjs';

/** Not those that bring native code, or find files of theirs by their place. */
const packages = [
  '@aws-sdk/client-s3',
  '@bufbuild/protobuf/wire',
  '@commander-js/extra-typings',
  '@grpc/grpc-js',
  '@grpc/proto-loader',
  '@grpc/reflection',
  '@opentelemetry/api',
  '@peculiar/x509',
  '@tufjs/models',
  'bullmq',
  'croner',
  'grpc-health-check',
  'ioredis',
  'openid-client',
  'pg',
  'pino',
  'prom-client',
  'reflect-metadata',
  'tweetnacl',
  'yaml',
  'zod',
];

const cache = join(checkout, 'node_modules', '.cache', 'testudo-packages');

/**
 * The folder that holds them, made where these versions are not in it yet. It appears by one rename.
 *
 * @returns {Promise<string>}
 */
export async function bringPackages() {
  const hash = createHash('sha256').update(process.version);
  for (const file of [join(checkout, 'package-lock.json'), import.meta.filename]) hash.update(readFileSync(file));
  const folder = join(cache, hash.digest('hex').slice(0, 16));
  if (existsSync(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  const fresh = mkdtempSync(join(cache, 'new-'));
  try {
    await bundle(fresh);
    renameSync(fresh, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error; // Else another run was first.
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return folder;
}

/** @param {string} folder */
async function bundle(folder) {
  const entries = join(folder, 'entries');
  mkdirSync(entries);
  /** @type {Record<string, string>} */
  const input = {};
  await import('reflect-metadata'); // tsyringe, in @peculiar/x509, wants it first, as everybody who imports that knows.
  for (const name of packages) {
    const file = name.replace(/\W+/g, '-').replace(/^-/, '');
    // What Node finds in it: for packages of CommonJS it reads their sources, and nobody else sees quite the same names.
    const names = Object.keys(await import(name)).filter((each) => /^(?!__esModule$)[\w$]+$/.test(each));
    input[file] = join(entries, `${file}.mjs`);
    writeFileSync(input[file], `export { ${names.join(', ')} } from ${JSON.stringify(name)};\n`);
  }
  await build({
    configFile: false,
    root: checkout,
    logLevel: 'error',
    // As Node resolves: `import`, `require` and `default` are added for each import by its kind.
    environments: {
      ssr: { resolve: { mainFields: ['main'], conditions: ['node'], noExternal: true, external: ['pg-native'] } },
    },
    plugins: [ownPlace],
    build: {
      ssr: true,
      target: 'node22',
      minify: false,
      emptyOutDir: false,
      outDir: folder,
      copyPublicDir: false,
      rolldownOptions: {
        input,
        output: { entryFileNames: '[name].mjs', chunkFileNames: 'chunks/[hash].mjs' },
      },
    },
  });
  rmSync(entries, { recursive: true });
  const places = Object.fromEntries(packages.map((name, i) => [name, `${Object.keys(input)[i]}.mjs`]));
  writeFileSync(join(folder, 'places.json'), JSON.stringify(places));
}

/** A file that asks for its folder is told where it lay. */
const ownPlace = {
  name: 'own-place',
  /**
   * @param {string} code
   * @param {string} id
   */
  transform(code, id) {
    if (!/\b__(?:dir|file)name\b/.test(code) || !id.startsWith(checkout)) return null;
    return {
      code: code.replace(/\b__dirname\b/g, JSON.stringify(dirname(id))).replace(/\b__filename\b/g, JSON.stringify(id)),
      map: null,
    };
  },
};
