import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * A lock that the kernel gives back when its holder dies, however it dies: flock(2) on a descriptor we share with a short
 * helper. The helper locks the open file description and exits; we keep the description open, so we hold the lock.
 * Children given the same descriptor hold it too: what a killed set-up left running still keeps the next one waiting.
 *
 * Throws when the helper was ended while it waited, as by who ends all that a set-up has started: it has locked nothing.
 *
 * @param {string} path
 * @param {(sentence: string) => void} say called once when somebody else holds the lock
 * @returns {{ fd: number, release(): void }}
 */
export function takeLock(path, say) {
  mkdirSync(dirname(path), { recursive: true });
  const fd = openSync(path, 'a');
  const helper = ['flock', 'python3'].find((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0);
  const locked = (/** @type {boolean} */ wait) => {
    const args = helper === 'flock' ? [wait ? '-x' : '-xn', '3'] : ['-c', pythonLock(wait)];
    return spawnSync(helper ?? '', args, { stdio: ['ignore', 'ignore', 'ignore', fd] }).status === 0;
  };
  if (helper === undefined) {
    say('neither flock nor python3 is here: going on without a lock, so do not run two set-ups at once');
  } else if (!locked(false)) {
    say('another set-up, or what a killed one left running, is still at work: waiting for it');
    if (!locked(true)) {
      closeSync(fd);
      throw new Error(`${path}: what waited for this lock was ended before it had it; run this again`);
    }
  }
  return { fd, release: () => closeSync(fd) };
}

/** @param {boolean} wait */
function pythonLock(wait) {
  return `import fcntl; fcntl.flock(3, fcntl.LOCK_EX${wait ? '' : ' | fcntl.LOCK_NB'})`;
}
