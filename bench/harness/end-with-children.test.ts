import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { expect, it, onTestFinished } from 'vitest';

const program = `
  import { spawn } from 'node:child_process';
  import { endWithChildren } from '${new URL('./end-with-children.ts', import.meta.url)}';
  endWithChildren();
  spawn('sh', ['-c', 'sleep 3600 & echo $! $$; wait'], { stdio: ['ignore', 'inherit', 'inherit'] });
`;

it('a benchmark that is told to end leaves no process behind, its children and theirs included', async () => {
  const args = ['--input-type=module-typescript', '--eval', program];
  const bench = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void bench.kill('SIGKILL'));
  const [line] = (await once(createInterface({ input: bench.stdout }), 'line')) as [string];
  const started = line.split(' ').map(Number);
  bench.kill('SIGTERM');
  expect(await once(bench, 'exit')).toEqual([143, null]);
  await expect.poll(() => started.filter((pid) => existsSync(`/proc/${pid}`)), { timeout: 60_000 }).toEqual([]);
});
