/**
 * `npm run check`: every check that reads the sources without running them. `npm test` counts them among its tests.
 * Each is an npm script of its own, so that one can be run alone; each fails when it found nothing to read.
 */
import { spawn } from 'node:child_process';
import { checkout, isMain } from '../setup/places.mjs';
import { setUpOrExit } from '../setup.mjs';

const scripts = ['typecheck', 'lint', 'arrows', 'time', 'fault-codes', 'unused', 'proto:check'];

/**
 * Runs the checks one after the other and shows the words of those that fail.
 * @returns {Promise<{ passed: number, failed: number, remarks: string[] }>} each that failed is named in `remarks`
 */
export async function runChecks() {
  /** @type {string[]} */
  const remarks = [];
  for (const script of scripts) {
    const startedAt = performance.now();
    const { code, output } = await npmRun(script);
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    process.stdout.write(`${code === 0 ? ' ok ' : 'FAIL'}  npm run ${script} (${seconds} s)\n`);
    if (code === 0) continue;
    remarks.push(`failed: npm run ${script}`);
    process.stdout.write(`${output.trimEnd().replaceAll(/^/gm, '      ')}\n`);
  }
  return { passed: scripts.length - remarks.length, failed: remarks.length, remarks };
}

/**
 * @param {string} script
 * @returns {Promise<{ code: number | null, output: string }>}
 */
function npmRun(script) {
  const npm = process.env.npm_execpath;
  const args = ['run', '--silent', script];
  const [file, all] = npm?.endsWith('.js') ? [process.execPath, [npm, ...args]] : ['npm', args];
  return new Promise((resolve) => {
    const child = spawn(file, all, { cwd: checkout, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        output += chunk;
      });
    }
    child.on('error', (error) => resolve({ code: null, output: error.message }));
    child.on('close', (code) => resolve({ code, output }));
  });
}

if (isMain(import.meta.url)) {
  await setUpOrExit({ pureJs: process.env.TESTUDO_TF === 'js', redis: 'wanted' });
  const { passed, failed } = await runChecks();
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  process.exitCode = failed === 0 ? 0 : 1;
}
