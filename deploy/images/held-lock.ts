import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { makeFolder } from '../../base/atomic-file.ts';

/**
 * A lock that the kernel gives back when its holder dies. Waited for without holding up this process, whose test runner has to
 * be answered meanwhile: flock(1) holds it for as long as its standard input is open.
 */
export async function heldLock(path: string): Promise<Readonly<{ release(): Promise<void> }>> {
  makeFolder(dirname(path));
  const holder = spawn('flock', [path, 'sh', '-c', 'echo held; exec cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(holder, 'exit');
  await Promise.race([
    once(holder.stdout, 'data'),
    ended.then(([code]) => Promise.reject(new Error(`flock ended with ${code} instead of holding ${path}`))),
  ]);
  return {
    release: async () => {
      holder.stdin.end();
      await ended;
    },
  };
}
