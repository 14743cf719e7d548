import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import type { PoolOptions } from 'vitest/node';
import { recycledForks } from './recycled-forks.mjs';

/** A fork as vitest makes it, started. The parts of a project that a fork looks at are there. */
async function startFork(residentBytesMax: number) {
  const { outputStream, errorStream } = { outputStream: process.stdout, errorStream: process.stderr };
  const fork = recycledForks(residentBytesMax).createPoolWorker({
    distPath: dirname(fileURLToPath(import.meta.resolve('vitest/node'))),
    project: { vitest: { logger: { outputStream, errorStream } } },
    execArgv: [],
    env: {},
  } as unknown as PoolOptions);
  await fork.start();
  onTestFinished(() => fork.stop());
  return fork;
}

const task = {} as never; // Whatever comes next: only the process counts.

it('recycledForks › go on with another file while they are small, and end once they are large', async () => {
  expect((await startFork(10 * 2 ** 30)).canReuse?.(task)).toBe(true);
  expect((await startFork(1)).canReuse?.(task)).toBe(false);
});
