import { execFileSync } from 'node:child_process';

/**
 * What `action` gives while no file of this process may grow beyond so many bytes (setrlimit(2), RLIMIT_FSIZE): the system refuses
 * to write more with EFBIG, as it does with ENOSPC on a disk that is full. For tests alone, in a process of their own.
 */
export function withFilesOf<Value>(bytesMax: number, action: () => Value): Value {
  // What it does when nobody listens is to end the process.
  const ignore = () => undefined;
  process.on('SIGXFSZ', ignore);
  const before = limit('--output', 'SOFT', '--noheadings', '--fsize').trim();
  limit(`--fsize=${bytesMax}:`);
  try {
    return action();
  } finally {
    limit(`--fsize=${before}:`);
    process.off('SIGXFSZ', ignore);
  }
}

function limit(...more: readonly string[]): string {
  return execFileSync('prlimit', ['--pid', String(process.pid), ...more], { encoding: 'utf8' });
}
