import { existsSync, readdirSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { FaultError } from '../../base/fault.ts';
import { reachFrom } from './outside-tracks.ts';
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

/**
 * Loads a kind by its module's URL: in the client, its training process and its scoring threads alike. Throws a fault where it cannot
 * be loaded: what is wrong is its author's to mend.
 */
export async function importTrackKind(module: string): Promise<TrackKind> {
  reachFrom(module, ownExtension);
  let loaded: { trackKind?: TrackKind };
  try {
    loaded = await import(/* @vite-ignore */ module);
  } catch (cause) {
    if (cause instanceof FaultError) throw cause; // It says itself what is missing.
    throw unloadable(module, cause instanceof Error ? cause.message : String(cause), { cause });
  }
  if (loaded.trackKind === undefined) throw unloadable(module, 'it must export `trackKind`');
  return loaded.trackKind;
}

function unloadable(module: string, why: string, options?: ErrorOptions): FaultError {
  const path = fileURLToPath(module);
  const message = `${path} cannot be loaded: ${why}; see docs/adding-a-track.md, "A folder of your own"`;
  return new FaultError({ code: 'TRACK_UNLOADABLE', message }, options);
}
