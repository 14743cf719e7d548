/**
 * `npm test`: set-up, the checks that read sources, then vitest on Node 22; closes with the line `N passed, N failed`.
 * `npm test -- PATH …` or any vitest argument narrows the run and leaves the checks out. `npm run test:kube` runs only the
 * tests that need a Kubernetes control plane (`*.kube.test.ts`), which a whole run builds in the background meanwhile.
 * `TESTUDO_KUBE=off` leaves these out, but not in CI, where nothing is skipped.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { countTests } from './checks/counts.mjs';
import { runChecks } from './checks/run.mjs';
import { checkout, node22 } from './setup/places.mjs';
import { setUpOrExit } from './setup.mjs';
import { controlPlaneIsThere } from './testing/kube/build.mjs';

/** @typedef {{ passed: number, failed: number, remarks: string[] }} Counts */

const onlyKube = process.argv[2] === '--only-kube';
const args = process.argv.slice(onlyKube ? 3 : 2);
const whole = args.length === 0;
const withoutKube = process.env.TESTUDO_KUBE === 'off';

const images = process.env.TESTUDO_IMAGES !== 'off';

const off = [...(withoutKube ? ['TESTUDO_KUBE=off'] : []), ...(images ? [] : ['TESTUDO_IMAGES=off'])];
if (off.length > 0 && process.env.CI) {
  process.stdout.write(`${off.join(', ')} leaves tests out, which CI does not allow: unset it\n0 passed, 1 failed\n`);
  process.exit(1);
}
const building = whole && !withoutKube ? buildControlPlane() : undefined;
await setUpOrExit({
  pureJs: false,
  redis: 'required',
  images: images && !onlyKube ? 'test' : 'no',
  browser: !onlyKube,
});

/** @type {Counts[]} */
const results = [];
if (whole && !onlyKube) results.push({ ...(await runChecks()), remarks: [] });
if (!onlyKube) results.push(await runVitest('suite'));
if (onlyKube || whole) results.push(withoutKube ? await leaveKubeOut() : await runVitest('kube'));
building?.kill();
if (!images) process.stdout.write('TESTUDO_IMAGES=off: the tests of deploy/images were left out\n');
const sum = (/** @type {'passed' | 'failed'} */ what) => results.reduce((total, counts) => total + counts[what], 0);
for (const { remarks } of results) for (const remark of remarks) process.stdout.write(`${remark}\n`);
process.exitCode = sum('failed') === 0 ? 0 : 1;
process.stdout.write(`${sum('passed')} passed, ${sum('failed')} failed\n`);

/** Begins to build the control plane beside everything else; the tests that need it wait for it. */
function buildControlPlane() {
  if (controlPlaneIsThere()) return undefined;
  process.stderr.write('building the control plane for tests in the background: 10 to 20 minutes, once\n');
  const script = join(checkout, 'tools', 'testing', 'kube', 'build.mjs');
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'ignore', 'inherit'] });
  child.on('error', () => {}); // The tests that wait for it build it themselves, and say why that fails.
  process.once('exit', () => child.kill());
  return child;
}

/** @returns {Promise<Counts>} */
async function leaveKubeOut() {
  const vitest = join(checkout, 'node_modules', 'vitest', 'vitest.mjs');
  const listed = spawnSync(node22, [vitest, 'list', '--project', 'kube', '--json'], {
    cwd: checkout,
    encoding: 'utf8',
  });
  const count = listed.status === 0 ? JSON.parse(listed.stdout).length : 'an unknown number of';
  return { passed: 0, failed: 0, remarks: [`TESTUDO_KUBE=off: left out ${count} tests that need a control plane`] };
}

/**
 * @param {'suite' | 'kube'} project
 * @returns {Promise<Counts>}
 */
async function runVitest(project) {
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
      const child = spawn(node22, [vitest, 'run', '--project', project, ...reporters, ...args], {
        cwd: checkout,
        env,
        stdio: 'inherit',
      });
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
