import { isDiskFull } from '../../../base/atomic-file.ts';
import { exitCodes, exitWith } from '../../exit.ts';

/** What `npm run build` makes of the dashboard. */
export const pagesFolder = new URL('../../../dashboard/dist/', import.meta.url);

/** A port that is taken or forbidden and a disk that is full are the operator's to mend, not errors of ours. */
export function startRefused(error: unknown): never {
  const { message } = error as Error;
  if (isDiskFull(error)) {
    const room = 'it needs some 20 MiB beside what is there (docs/operations.md, "Disk")';
    return exitWith({ code: 'DISK_FULL', message: `no space is left in the data directory: free space, ${room}` });
  }
  if (/^cannot listen|^listen E/.test(message)) {
    const remedy = 'name an address of this machine that nobody else uses where the configuration says `listen`';
    return exitWith({ code: 'PORT_UNAVAILABLE', message: `${message}: ${remedy}` });
  }
  throw error;
}

/** How long one that has halted may take to close. */
const haltedMsMax = 10_000;

/** Resolves on SIGTERM or SIGINT, or when the engine halts, which makes the exit code say so. A second signal kills. */
export function stopAsked(halted: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const onSignal = () => {
      process.once('SIGTERM', () => process.exit(exitCodes.refused));
      process.once('SIGINT', () => process.exit(exitCodes.refused));
      resolve();
    };
    process.once('SIGTERM', onSignal);
    process.once('SIGINT', onSignal);
    void halted.then(() => {
      process.exitCode = exitCodes.refused;
      resolve();
      // Another may lead by now: whatever a close still waits for, this process does not stay beside it.
      setTimeout(() => process.exit(exitCodes.refused), haltedMsMax).unref();
    });
  });
}
