import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Keeps what V8 compiles between runs, which saves a command a quarter of its processor time. In a folder of this user's
 * alone: what lies there is run, so it must not be one that others may write into. Where it cannot be written, nothing is kept.
 */
export function keepCompiled(environment = process.env): void {
  const caches = environment.TESTUDO_CACHE ?? join(environment.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'testudo');
  enableCompileCache(join(caches, 'compiled'));
}
