import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { FaultError } from '../fault.ts';
import { addOnPlaces, addOnsKey } from './places.mjs';

const own = createRequire(import.meta.url);

/**
 * The file that a package of the add-ons starts with, or a file in it, wherever it lies. Throws ADD_ON_MISSING, naming the
 * remedy, where it lies nowhere.
 */
export function addOnPath(name: string): string {
  for (const require of requires()) {
    try {
      return require.resolve(name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    }
  }
  throw new FaultError({ code: 'ADD_ON_MISSING', message: `${name} is not installed: ${addOnsRemedy()}` });
}

/** What to type where an add-on is missing. */
export function addOnsRemedy(): string {
  return addOnsKey() === undefined
    ? 'run `node tools/setup.mjs` in the checkout (npm start and npm test do)'
    : 'run `testudo setup`, once for all commands that need it';
}

/** A package of the add-ons. */
export async function importAddOn<Package>(name: string): Promise<Package> {
  return (await import(pathToFileURL(addOnPath(name)).href)) as Package;
}

function requires(): readonly NodeJS.Require[] {
  const key = addOnsKey();
  const places = key === undefined ? [] : addOnPlaces(key);
  return [own, ...places.map((place) => createRequire(join(place, 'package.json')))];
}
