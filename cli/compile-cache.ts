import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';

/**
 * Keeps what V8 compiles between runs, which saves a command a quarter of its processor time. In a folder of this user's
 * alone: what lies there is run, so it must not be one that others may write into. Where there is none, or it cannot be
 * written, nothing is kept.
 */
export function keepCompiled(environment = process.env): void {
  const caches = cachesOf(environment);
  if (caches !== undefined) enableCompileCache(join(caches, 'compiled'));
}

/** As `cacheDir` of tools/setup/places.mjs, which no image holds; undefined for a user without a home. */
function cachesOf({ TESTUDO_CACHE: own, XDG_CACHE_HOME: usual, HOME: home }: NodeJS.ProcessEnv): string | undefined {
  if (own) return resolve(own);
  try {
    const place = usual ? join(usual, 'testudo') : join(home || homedir(), '.cache', 'testudo');
    return isAbsolute(place) ? place : undefined; // Else it is whatever folder we happen to stand in.
  } catch {
    return undefined; // No HOME, and a number that no user has: the system names no folder.
  }
}
