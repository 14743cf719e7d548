import { existsSync, readdirSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { TrackKind } from './track-kind.ts';

/** Our own files end in .ts as sources and in .js in the built package; a folder from elsewhere may hold either. */
const ownExtension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const builtIn = fileURLToPath(new URL('.', import.meta.url));

/**
 * The kind that a client runs and that verbs assume when nobody says which. No other place outside a kind's own folder
 * decides anything by a kind's name.
 */
export const defaultKind = 'syscall';

/** Folders below client/tracks/ that are a kind of track, by name. */
export function builtInKinds(): readonly string[] {
  return readdirSync(builtIn, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(builtIn, entry.name, `track.${ownExtension}`)))
    .map(({ name }) => name)
    .sort();
}

/** The URL of a kind's module: a folder's name below client/tracks/, or an absolute path. undefined: there is none. */
export function moduleOfKind(folder: string): string | undefined {
  if (!isAbsolute(folder) && !/^[\w-]+$/.test(folder)) return undefined;
  const path = isAbsolute(folder) ? folder : join(builtIn, folder);
  const extensions = isAbsolute(folder) ? ['ts', 'js', 'mjs'] : [ownExtension];
  const found = extensions.map((extension) => join(path, `track.${extension}`)).find((module) => existsSync(module));
  return found === undefined ? undefined : pathToFileURL(found).href;
}

/** Loads a kind by its module's URL: in the client, its training process and its scoring threads alike. */
export async function importTrackKind(module: string): Promise<TrackKind> {
  const { trackKind } = (await import(/* @vite-ignore */ module)) as { trackKind?: TrackKind };
  if (trackKind === undefined) throw new TypeError(`${module} must export \`trackKind\`; see docs/adding-a-track.md`);
  return trackKind;
}
