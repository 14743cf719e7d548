/**
 * `npm test`: set-up, the checks that read sources, then vitest on Node 22; closes with the line `N passed, N failed`. It leaves out
 * what costs much or needs more than set-up brings, and says so; `npm run test:all` runs that too, and so does CI
 * (`testing/which-tests.mjs`). `npm test -- PATH …` or any vitest argument narrows the run and leaves the checks out.
 * `npm run test:kube` runs only the tests that need a Kubernetes control plane (`*.kube.test.ts`).
 *
 * A run of all builds that control plane in the background, and then the object store that `*.stores.test.ts` need. These tests mostly
 * wait, and so run beside the others; what they say is printed when the others have ended. Last comes which files took most of the
 * processor's time.
 */
import { spawn } from 'node:child_process';
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
import { longTests, shortVariable, whichTests } from './testing/which-tests.mjs';

/** @typedef {{ passed: number, failed: number, remarks: string[], cost?: string }} Counts */

const { which, args } = whichTests(process.argv.slice(2), process.env);
const isWhole = which === 'all' || which === 'short';

const building = which === 'all' ? buildInBackground() : undefined;
await setUpOrExit({
  pureJs: false,
  redis: 'required',
  images: which === 'all' || which === 'named' ? 'test' : 'no',
  postgres: which !== 'kube',
  browser: which !== 'kube',
  shells: which !== 'kube',
  objectStore: which !== 'kube',
});

/** @type {Counts[]} */
const results = [];
if (isWhole) results.push(await runChecks());
const waiting = runWaiting();
if (which !== 'kube') results.push(await runVitest(['own', 'shared']));
results.push(...(await waiting));
building?.end();
reportCost(results.map(({ cost = '' }) => cost).join(''));
if (which === 'short') {
  const others = 'those that need images, a control plane or an object store';
  process.stdout.write(`left to \`npm run test:all\`: ${longTests().length} files that take long, and ${others}\n`);
}
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
      isThere: controlPlaneIsThere,
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
  if (which === 'kube') return [await runVitest(['kube'])];
  return which === 'all' ? [await runVitest(['kube', 'stores'], { later: true })] : [];
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
  if (!isWhole) return;
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
    if (which === 'short') env[shortVariable] = 'yes';
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
    const counts = { ...countTests(JSON.parse(readFileSync(report, 'utf8')), { whole: isWhole }), cost };
    if (code === 0 || counts.failed > 0) return counts;
    return { ...counts, failed: 1, remarks: [...counts.remarks, `vitest ended with ${code}`] };
  } catch (error) {
    const remarks = [`vitest wrote no report: ${error instanceof Error ? error.message : error}`];
    return { passed: 0, failed: 1, remarks };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
