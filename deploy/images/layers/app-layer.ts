import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ImageSpec } from '../images.ts';
import { entriesBelow, fileEntry, type TreeEntry, textEntry } from '../oci/tree.ts';
import { type Reached, reachedFrom } from './reached.ts';

const commandLine = 'cli/testudo.js';
const verbTable = 'cli/verbs.js';
/** Found by their folder's name when the client starts, so that nothing names them. */
function kinds(dist: string): string[] {
  const tracks = 'client/tracks';
  const modules = readdirSync(join(dist, tracks)).map((name) => `${tracks}/${name}/track.js`);
  return modules.filter((path) => existsSync(join(dist, path)));
}

/** What an image needs of the built package: from the command line, by the verbs that the image offers. */
export function reachedByImage(dist: string, { verbs, tensorflow }: ImageSpec): Reached {
  const files = verbFiles(dist);
  const offered = new Set(verbs.map((verb) => files.get(verb) ?? unknownVerb(verb)));
  const starts = [commandLine, ...kinds(dist)];
  return reachedFrom(dist, starts, (from, to) => {
    if (from === verbTable) return to.startsWith('cli/') && [...files.values()].includes(to) && !offered.has(to);
    // Loaded only where a model is trained or run by weights: an image without the library cannot do either.
    return !tensorflow && to === 'base/tensorflow.js';
  });
}

/** Those files, below /app. */
export function appLayer(dist: string, spec: ImageSpec, { modules, assets }: Reached): TreeEntry[] {
  const files = [...modules, ...assets, 'LICENSE', 'THIRD_PARTY.md'].filter((path) => path !== 'package.json');
  const named = files.map((path) => fileEntry(`app/${path}`, join(dist, path), { executable: false }));
  const whole = spec.assets.flatMap((folder) => entriesBelow(join(dist, folder), `app/${folder}`, () => true));
  const built = JSON.parse(readFileSync(join(dist, 'package.json'), 'utf8')) as Readonly<Record<string, unknown>>;
  const { name, version, build, description, license, type, imports } = built;
  const own = { name, version, build, description, license, type, imports, verbs: spec.verbs };
  return [
    ...new Map([...named, ...whole].map((entry) => [entry.path, entry])).values(),
    textEntry('app/package.json', `${JSON.stringify(own, null, 2)}\n`),
  ];
}

/** Which file holds a verb, as the command line's own table says it. */
function verbFiles(dist: string): ReadonlyMap<string, string> {
  const code = readFileSync(join(dist, verbTable), 'utf8');
  // A verb's entry, within a group's: nothing is opened or closed between its name and its file.
  const verb = /^ +['"]?([\w-]+)['"]?: \{[^{}]*?import\(['"]\.\/([^'"]+)['"]\)/gms;
  const found = new Map([...code.matchAll(verb)].map(([, name = '', file]) => [name, `cli/${file}`]));
  if (found.size < 20) throw new Error(`image: only ${found.size} verbs were found in ${verbTable}`);
  return found;
}

function unknownVerb(verb: string): never {
  throw new Error(`image: the command line has no verb ${verb}`);
}
