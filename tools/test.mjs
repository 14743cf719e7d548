/**
 * `npm test`: set-up, the checks that read sources, then vitest on Node 22; closes with the line `N passed, N failed`.
 * `npm test -- PATH …` or any vitest argument narrows the run and leaves the checks out.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { countTests } from './checks/counts.mjs';
import { runChecks } from './checks/run.mjs';
import { checkout, node22 } from './setup/places.mjs';
import { setUpOrExit } from './setup.mjs';

const args = process.argv.slice(2);
const whole = args.length === 0;

const images = process.env.TESTUDO_IMAGES !== 'off';
if (!images && process.env.CI) {
  process.stderr.write('TESTUDO_IMAGES=off leaves tests out, which CI does not allow: unset it\n');
  process.exit(1);
}
await setUpOrExit({ pureJs: false, redis: 'required', images });

const checks = whole ? await runChecks() : { passed: 0, failed: 0 };
const tests = await runVitest();
if (!images) process.stdout.write('TESTUDO_IMAGES=off: the tests of deploy/images were left out\n');
for (const remark of tests.remarks) process.stdout.write(`${remark}\n`);
const passed = checks.passed + tests.passed;
const failed = checks.failed + tests.failed;
process.exitCode = failed === 0 ? 0 : 1;
process.stdout.write(`${passed} passed, ${failed} failed\n`);

/** @returns {Promise<ReturnType<typeof countTests>>} */
async function runVitest() {
  const folder = mkdtempSync(join(tmpdir(), 'testudo-report-'));
  const report = join(folder, 'report.json');
  try {
    const vitest = join(checkout, 'node_modules', 'vitest', 'vitest.mjs');
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
    // What the tests start by the name `node` must be Node 22 as well.
    /** @type {NodeJS.ProcessEnv} */
    const env = { ...process.env, PATH: `${dirname(node22)}:${process.env.PATH ?? ''}` };
    delete env.TESTUDO_TF; // The tests are about the native library, whatever the caller works with.
    const code = await new Promise((resolve) => {
      const child = spawn(node22, [vitest, 'run', ...reporters, ...args], { cwd: checkout, env, stdio: 'inherit' });
      child.on('error', () => resolve(null));
      child.on('close', resolve);
    });
    const counts = countTests(JSON.parse(readFileSync(report, 'utf8')), { whole });
    if (code === 0 || counts.failed > 0) return counts;
    return { ...counts, failed: 1, remarks: [...counts.remarks, `vitest ended with ${code}`] };
  } catch (error) {
    const remarks = [`vitest wrote no report: ${error instanceof Error ? error.message : error}`];
    return { passed: 0, failed: 1, remarks };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
