/**
 * `npm test`: set-up, the checks that read sources, then vitest on Node 22; closes with the line `N passed, N failed`.
 * `npm test -- PATH …` or any vitest argument narrows the run and leaves the checks out. `npm run test:kube` runs only the
 * tests that need a Kubernetes control plane (`*.kube.test.ts`), which a whole run builds in the background meanwhile, and then
 * the object store that `*.stores.test.ts` need.
 * `TESTUDO_KUBE=off` leaves these out, but not in CI, where nothing is skipped. They mostly wait, and so run beside the others;
 * what they say is printed when the others have ended. Last comes which files took most of the processor's time.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { countTests } from './checks/counts.mjs';
import { runChecks } from './checks/run.mjs';
import { checkout, node22 } from './setup/places.mjs';
import { setUpOrExit } from './setup.mjs';
import { costTable } from './testing/cost-report.mjs';
import { controlPlaneIsThere } from './testing/kube/build.mjs';
import { versitygwIsThere } from './testing/stores/build.mjs';

/** @typedef {{ passed: number, failed: number, remarks: string[], cost?: string }} Counts */

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
const building = whole ? buildInBackground() : undefined;
await setUpOrExit({
  pureJs: false,
  redis: 'required',
  images: images && !onlyKube ? 'test' : 'no',
  postgres: !onlyKube,
  browser: !onlyKube,
  shells: !onlyKube,
  objectStore: !onlyKube,
});

/** @type {Counts[]} */
const results = [];
if (whole && !onlyKube) results.push(await runChecks());
const waiting = runWaiting();
if (!onlyKube) results.push(await runVitest(['own', 'shared']));
results.push(...(await waiting));
building?.end();
reportCost(results.map(({ cost = '' }) => cost).join(''));
if (!images) process.stdout.write('TESTUDO_IMAGES=off: the tests of deploy/images were left out\n');
const sum = (/** @type {'passed' | 'failed'} */ what) => results.reduce((total, counts) => total + counts[what], 0);
for (const { remarks } of results) for (const remark of remarks) process.stdout.write(`${remark}\n`);
process.exitCode = sum('failed') === 0 ? 0 : 1;
process.stdout.write(`${sum('passed')} passed, ${sum('failed')} failed\n`);

/**
 * Builds beside everything else, one after another, what some tests need; these wait for it, build it themselves where that
 * failed, and say why.
 */
function buildInBackground() {
  const wanted = [
    {
      isThere: () => withoutKube || controlPlaneIsThere(),
      folder: 'kube',
      what: 'the control plane',
      takes: '10 to 20 minutes',
    },
    { isThere: versitygwIsThere, folder: 'stores', what: 'an object store', takes: '3 to 10 minutes' },
  ];
  /** @type {import('node:child_process').ChildProcess | undefined} */
  let child;
  const end = () => {
    wanted.length = 0;
    child?.kill();
  };
  const next = () => {
    const first = wanted.shift();
    if (first === undefined) return;
    if (first.isThere()) return next();
    process.stderr.write(`building ${first.what} for tests in the background: ${first.takes}, once\n`);
    const script = join(checkout, 'tools', 'testing', first.folder, 'build.mjs');
    child = spawn(process.execPath, [script], { stdio: ['ignore', 'ignore', 'inherit'] });
    child.on('error', () => {});
    child.on('exit', next);
  };
  next();
  process.once('exit', end);
  return { end };
}

/** Tests that wait for what is built for them; they begin beside the others. */
async function runWaiting() {
  if (!onlyKube && !whole) return [];
  /** @type {('kube' | 'stores')[]} */
  const projects = [
    ...(withoutKube ? [] : /** @type {const} */ (['kube'])),
    ...(onlyKube ? [] : /** @type {const} */ (['stores'])),
  ];
  const left = withoutKube ? [await leaveKubeOut()] : [];
  return projects.length === 0 ? left : [...left, await runVitest(projects, { later: !onlyKube })];
}

/** @returns {Promise<Counts>} */
async function leaveKubeOut() {
  const vitest = join(checkout, 'node_modules', 'vitest', 'vitest.mjs');
  const listed = spawnSync(node22, [vitest, 'list', '--project', 'kube', '--no-isolate', '--json'], {
    cwd: checkout,
    encoding: 'utf8',
  });
  const count = listed.status === 0 ? JSON.parse(listed.stdout).length : 'an unknown number of';
  return { passed: 0, failed: 0, remarks: [`TESTUDO_KUBE=off: left out ${count} tests that need a control plane`] };
}

/**
 * The costliest files of a whole run; of any run all of them, in a file.
 *
 * @param {string} noted
 */
function reportCost(noted) {
  if (noted === '') return;
  const { total, rows } = costTable(noted, checkout);
  const kept = join(checkout, 'node_modules', '.cache', 'testudo-test-cost.txt');
  mkdirSync(dirname(kept), { recursive: true });
  writeFileSync(kept, `${rows.join('\n')}\n`);
  if (!whole) return;
  process.stdout.write(
    `${total.toFixed(0)} s of processor time in ${rows.length} test files, the most in (all: ${kept})\n`,
  );
  process.stdout.write(`  total  child   wall file\n${rows.slice(0, 15).join('\n')}\n`);
}

/**
 * @param {('own' | 'shared' | 'kube' | 'stores')[]} projects
 * @param {{ later?: boolean }} [print] `later`: what vitest says is kept until it has ended, and printed then
 * @returns {Promise<Counts>}
 */
async function runVitest(projects, { later = false } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'testudo-report-'));
  const report = join(folder, 'report.json');
  try {
    const vitest = join(checkout, 'node_modules', 'vitest', 'vitest.mjs');
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
    // What the tests start by the name `node` must be Node 22 as well.
    /** @type {NodeJS.ProcessEnv} */
    const env = { ...process.env, PATH: `${dirname(node22)}:${process.env.PATH ?? ''}` };
    delete env.TESTUDO_TF; // The tests are about the native library, whatever the caller works with.
    env.TESTUDO_TEST_COST = folder;
    const named = projects.flatMap((project) => ['--project', project]);
    /** @type {Buffer[]} */
    const said = [];
    const code = await new Promise((resolve) => {
      const child = spawn(node22, [vitest, 'run', ...named, ...reporters, ...args], {
        cwd: checkout,
        env,
        stdio: later ? ['ignore', 'pipe', 'pipe'] : 'inherit',
      });
      for (const stream of [child.stdout, child.stderr]) stream?.on('data', (bytes) => said.push(bytes));
      child.on('error', () => resolve(null));
      child.on('close', resolve);
    });
    if (later) process.stdout.write(Buffer.concat(said));
    const costs = join(folder, 'files.jsonl');
    const cost = existsSync(costs) ? readFileSync(costs, 'utf8') : '';
    const counts = { ...countTests(JSON.parse(readFileSync(report, 'utf8')), { whole }), cost };
    if (code === 0 || counts.failed > 0) return counts;
    return { ...counts, failed: 1, remarks: [...counts.remarks, `vitest ended with ${code}`] };
  } catch (error) {
    const remarks = [`vitest wrote no report: ${error instanceof Error ? error.message : error}`];
    return { passed: 0, failed: 1, remarks };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
