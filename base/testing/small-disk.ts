import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { onTestFinished } from 'vitest';

/** Whether this process may mount file systems: root with the capability, as in most containers of CI. */
export function canMount(dir: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', dir], { stdio: 'ignore' });
    execFileSync('umount', [dir], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** A real file system of `kib` KiB at `dir`, unmounted when the test ends. */
export function mountSmallDisk(dir: string, kib: number): void {
  mkdirSync(dir, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kib}k`, 'tmpfs', dir]);
  onTestFinished(() => {
    execFileSync('umount', ['-l', dir]);
  });
}

/** From here on nobody writes to what is mounted there. */
export function makeReadOnly(dir: string): void {
  execFileSync('mount', ['-o', 'remount,ro', dir]);
}

/** Writes until the disk takes no more. */
export function fillDisk(ballast: string): void {
  const file = openSync(ballast, 'a');
  try {
    for (const bytes of [65_536, 4_096, 512, 1]) {
      const block = Buffer.alloc(bytes);
      try {
        while (writeSync(file, block) > 0);
      } catch {
        // Full for blocks of this size.
      }
    }
  } finally {
    closeSync(file);
  }
}
