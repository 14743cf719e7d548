/**
 * `npm run campaign:weather -- [--seed N] [--seeds N] [PATH…]`: every test, or those whose path matches, once for each seed, while
 * files, processes, sockets and threads answer later, in pieces, and in other orders than they mostly do. A test that fails so would
 * fail on some other machine: the orders are those that Node and Linux allow. One seed, unless more are asked for, from 1 on.
 *
 * The same seed brings a test file nearly the same weather again: what the machine does by itself is beyond it. Tests in images are
 * left out, whose roots do not hold the library; so are those that need a control plane or an object store built for them.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { preloaded } from '../../../base/testing/preloaded.ts';
import { wholeNumbers } from '../../../lab/whole-numbers.ts';
import { countTests } from '../../checks/counts.mjs';
import { checkout } from '../../setup/places.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string', default: '1' }, seeds: { type: 'string', default: '1' } },
});
const { seed: first, seeds } = wholeNumbers({ seed: values.seed, seeds: values.seeds });

const folder = mkdtempSync(join(tmpdir(), 'testudo-weather-'));
try {
  const library = preloaded(folder, 'weather', readFileSync(new URL('ready-events.c', import.meta.url), 'utf8'));
  for (let seed = first; seed < first + seeds; seed++) run(seed, library);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function run(seed: number, library: { LD_PRELOAD: string }): void {
  const report = join(folder, `${seed}.json`);
  const vitest = join(checkout, 'node_modules/vitest/vitest.mjs');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const { status } = spawnSync(
    process.execPath,
    [vitest, 'run', '--project', 'own', '--project', 'shared', ...reporters, ...positionals],
    { cwd: checkout, stdio: 'inherit', env: { ...process.env, ...library, TESTUDO_WEATHER: String(seed) } },
  );
  const { passed, failed, remarks } = countTests(JSON.parse(readFileSync(report, 'utf8')), { whole: false });
  for (const remark of remarks) process.stdout.write(`${remark}\n`);
  process.stdout.write(`seed ${seed}: ${passed} passed, ${failed} failed\n`);
  if (status !== 0) process.exitCode = 1;
}
