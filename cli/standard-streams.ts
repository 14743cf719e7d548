import { writeSync } from 'node:fs';
import { exitCodes } from './exit.ts';

/** As a shell says it of a program that SIGPIPE ended, which Node turns off: 128 and 13. */
const endedByPipe = 141;

/**
 * Ends the process without a stack trace where nobody reads any more what it says (`testudo audit list | head`), as other
 * programs end, or where it cannot be written (a full disk behind `>`), with a sentence about it.
 */
export function endWithReaders(): void {
  waitForReaders();
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(endedByPipe);
    try {
      writeSync(2, `OUTPUT_UNWRITABLE: standard output: ${error.message}; make room, or send it elsewhere\n`);
    } catch {
      // Standard error may lie on the same full disk.
    }
    process.exit(exitCodes.refused);
  });
  // Nobody can be told: the work goes on, for what is said there is about it and not its result.
  process.stderr.on('error', () => undefined);
}

/**
 * A pipe that Node writes to takes 64 KiB at once and the rest later, which a process that ends itself does not wait for: a slow reader
 * got no end. Not standard error: a daemon's log goes there, and whoever does not read it must hold up nothing.
 */
function waitForReaders(): void {
  const { _handle: handle } = process.stdout as { _handle?: { setBlocking?: (isBlocking: boolean) => void } };
  handle?.setBlocking?.(true);
}
