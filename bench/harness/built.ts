import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const checkout = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Runs something with the command as it is installed, compiled: sources would be compiled by each process, in memory of its own.
 * `testudo`: the script; the folder `..` of it is the package, and goes when this ends. Throws where it cannot be built.
 */
export async function withBuilt(run: (testudo: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'testudo-built-'));
  try {
    symlinkSync(join(checkout, 'node_modules'), join(folder, 'node_modules'));
    const program = join(checkout, 'tools', 'build.mjs');
    const built = spawnSync(process.execPath, [program, join(folder, 'package')], { stdio: 'inherit' });
    if (built.status !== 0) throw new Error('the package could not be built');
    await run(join(folder, 'package', 'cli', 'testudo.js'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
