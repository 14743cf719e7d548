import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A library of C that stands in front of the C library in a child process: what it defines is called in place of the real thing. Built in
 * `dir`; returns the environment for the child.
 */
export function preloaded(dir: string, name: string, source: string): { LD_PRELOAD: string } {
  const code = join(dir, `${name}.c`);
  const library = join(dir, `${name}.so`);
  writeFileSync(code, source);
  execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, code, '-ldl']);
  return { LD_PRELOAD: library };
}
