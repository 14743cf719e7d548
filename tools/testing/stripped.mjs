/**
 * Keeps what Node makes of our TypeScript for the many processes and threads that tests start: taking the types away was
 * half of the processor time of each of them, and was done again by each. Loaded by `--import` before anything else.
 *
 * A file lies under the digest of its source and of Node's version, so a changed source is never answered by an old one.
 */
import { hash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { registerHooks, stripTypeScriptTypes } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { threadId } from 'node:worker_threads';

const checkout = new URL('../../', import.meta.url).href;
const packages = new URL('node_modules/', checkout).href;
const folder = fileURLToPath(new URL('.cache/testudo-stripped/', packages));

const places = packagePlaces();
/** A file of ours as nearly all imports name it: up at the beginning alone, and nothing to escape. */
const plain = /^(?:\.\/|(?:\.\.\/)+)(?:[\w-][\w.-]*\/)*[\w-][\w.-]*\.ts$/;

registerHooks({
  resolve(specifier, context, next) {
    const { parentURL } = context;
    if (parentURL === undefined || !isOurs(parentURL)) return next(specifier, context);
    // Our own imports name the file: Node would ask the disk for what stands there already, hundreds of times a start.
    const url = plain.test(specifier) ? besides(parentURL, specifier) : places.get(specifier);
    return url === undefined ? next(specifier, context) : { url, format: 'module', shortCircuit: true };
  },
  load(url, context, next) {
    const [file = ''] = url.split('?'); // Vitest names the module of a test anew in each run, by a query.
    if (!file.endsWith('.ts') || !isOurs(file)) return next(url, context);
    return { format: 'module', source: stripped(readFileSync(fileURLToPath(file), 'utf8')), shortCircuit: true };
  },
});

/**
 * `new URL(specifier, parentURL).href` of what is plain: a start asks for three thousand.
 * @param {string} parentURL
 * @param {string} specifier
 */
function besides(parentURL, specifier) {
  const [file = ''] = parentURL.split('?', 1);
  let end = file.lastIndexOf('/');
  let at = specifier.startsWith('./') ? 2 : 0;
  for (; specifier.startsWith('../', at); at += 3) end = file.lastIndexOf('/', end - 1);
  return file.slice(0, end + 1) + specifier.slice(at);
}

/** @param {string} url */
function isOurs(url) {
  return url.startsWith(checkout) && !url.startsWith(packages);
}

/** Where packages lie that were put into a few files (packages.mjs): by name. A run that made none has none. */
function packagePlaces() {
  const folder = process.env.TESTUDO_TEST_PACKAGES;
  if (folder === undefined || folder === '') return new Map();
  const places = JSON.parse(readFileSync(`${folder}/places.json`, 'utf8'));
  return new Map(Object.entries(places).map(([name, file]) => [name, pathToFileURL(`${folder}/${file}`).href]));
}

/** @param {string} source */
function stripped(source) {
  const name = hash('sha256', `${process.version}\0${source}`);
  const place = `${folder}${name}.mjs`;
  try {
    return readFileSync(place, 'utf8');
  } catch {
    return keep(
      place,
      withoutWarnings(() => stripTypeScriptTypes(source)),
    );
  }
}

/**
 * Many processes meet a new source at once: each writes a file of its own and renames it, so none reads half a file.
 * @param {string} place
 * @param {string} code
 */
function keep(place, code) {
  const part = `${place}.${process.pid}.${threadId}`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(part, code);
  renameSync(part, place);
  return code;
}

/**
 * Node strips types by itself without a word, and warns of the function that does the same: what a process under test
 * writes to its standard error would not be its own.
 * @param {() => string} work
 */
function withoutWarnings(work) {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return work();
  } finally {
    process.emitWarning = emitWarning;
  }
}
