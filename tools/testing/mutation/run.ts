import { spawn } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Line, Plan } from './log.ts';

/** `folder` holds sources/, with mutants in them; plan.json and log.jsonl are between the runner and whoever runs it. */
export type Place = Readonly<{ checkout: string; folder: string }>;

/** A process that says nothing for so long hangs in the mutant that it began last. */
const silenceMsMax = 30_000;
const lookEveryMs = 5_000;

/** Runs the test files by the plan, and gives what the runner noted. */
export async function run({ checkout, folder }: Place, plan: Plan, files: readonly string[]): Promise<readonly Line[]> {
  const log = join(folder, 'log.jsonl');
  writeFileSync(log, '');
  writeFileSync(join(folder, 'plan.json'), JSON.stringify(plan));
  const main = join(checkout, 'node_modules/vitest/vitest.mjs');
  const child = spawn(process.execPath, [main, 'run', '--config', join(import.meta.dirname, 'vitest.config.ts')], {
    ...{ cwd: checkout, detached: true, stdio: 'ignore' },
    env: { ...process.env, TESTUDO_MUTANTS: folder, TESTUDO_MUTANT_TESTS: files.join(',') },
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const watch = setInterval(() => {
    const { size, mtimeMs } = statSync(log);
    // Before its first line it starts, which takes as long as the machine is busy.
    const isSilent = size > 0 && Date.now() - mtimeMs > silenceMsMax;
    if (plan.kind === 'ask' && isSilent && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  }, lookEveryMs);
  await ended;
  clearInterval(watch);
  const lines = readFileSync(log, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Line);
}
