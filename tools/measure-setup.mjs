/**
 * `npm run measure:setup`: what set-up and the two commands cost on a machine with nothing cached, written to
 * docs/setup-times.md. Clones the last commit into a temporary folder and gives it an empty home, so npm, pip and our own
 * cache start from nothing; system packages stay as they are. Takes some minutes and downloads about a gigabyte.
 *
 * usage: node tools/measure-setup.mjs [--without-commands]   (leaves out npm test and npm start)
 */
import { execFileSync, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, version as osVersion, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { checkout } from './setup/places.mjs';

/** @typedef {{ seconds: number, code: number | null, output: string, phases: { name: string, seconds: number }[] }} Timed */

const kills = 5;
const root = mkdtempSync(join(tmpdir(), 'testudo-measure-'));

try {
  const commit = git('rev-parse', '--short=12', 'HEAD');
  const load = loadavg()[0]?.toFixed(1);
  const cold = await measureCold();
  const sections = [cold.text, await measureKills(cold.seconds)];
  if (!process.argv.includes('--without-commands')) sections.push(await measureCommands());
  const [cpu] = cpus();
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  const text = `# What set-up costs

Written by \`npm run measure:setup\` on ${new Date().toISOString().slice(0, 10)} at commit ${commit}: ${cpus().length} × ${cpu?.model.trim()},
${memory}, ${osVersion()}, Node ${process.versions.node} on the machine. Caches of npm, pip and Testudo empty at the start of each
section unless it says otherwise; system packages (python3, pip, g++, Redis) as found. Load average at the start: ${load}.
Downloads depend on your network.

${sections.join('\n')}`;
  writeFileSync(join(checkout, 'docs', 'setup-times.md'), text);
  process.stdout.write(text);
} finally {
  rmSync(root, { recursive: true, force: true });
}

async function measureCold() {
  const fresh = clone('cold');
  const cold = await expectSuccess(fresh.run(['run', 'setup']));
  const again = [];
  for (let i = 0; i < 5; i++) again.push((await expectSuccess(fresh.node(['tools/setup.mjs']))).seconds);
  again.sort((a, b) => a - b);
  rmSync(join(fresh.folder, 'node_modules'), { recursive: true });
  const clean = await expectSuccess(fresh.run(['run', 'setup']));
  fresh.remove();
  const text = `## From nothing

${phaseTable(cold)}

## Again, when all is done

${again.map((seconds) => `${(seconds * 1000).toFixed(0)} ms`).join(', ')} (five runs of \`node tools/setup.mjs\`, process start included).

## After \`rm -rf node_modules\`, caches warm

${phaseTable(clean)}
`;
  return { text, seconds: cold.seconds };
}

/** @param {number} coldSeconds how long an undisturbed run takes: the kills fall within that */
async function measureKills(coldSeconds) {
  const fresh = clone('killed');
  /** @type {string[]} */
  const rows = [];
  for (let i = 0; i < kills; i++) {
    const afterMs = randomInt(200, Math.round(coldSeconds * 800));
    const { output, seconds, code } = await fresh.node(['tools/setup.mjs'], afterMs);
    const doing = output.trimEnd().split('\n').at(-1)?.trim() ?? '';
    rows.push(`| ${seconds.toFixed(1)} s | ${code === 0 ? 'it had finished' : doing.replace(/ … still.*| …$/, '')} |`);
  }
  const last = await expectSuccess(fresh.run(['run', 'setup']));
  const proof = await expectSuccess(fresh.node(['tools/testing/prove-matmul.cjs']));
  if (!proof.output.includes('tensorflow 20')) throw new Error(`the library does not work: ${proof.output}`);
  fresh.remove();
  return `## Killed (SIGKILL) at ${kills} random moments, then run once more

| killed after | while it was at |
| --- | --- |
${rows.join('\n')}

The run after that completed in ${last.seconds.toFixed(1)} s, and a matrix multiplication with the library gave the right answer.
`;
}

async function measureCommands() {
  /** @type {string[]} */
  const rows = [];
  for (const command of ['test', 'start']) {
    const fresh = clone(command);
    const timed = await fresh.run([command]);
    const setup = timed.phases.reduce((sum, phase) => sum + phase.seconds, 0);
    const line = timed.output.trimEnd().split('\n').at(-1) ?? '';
    const outcome = timed.code === 0 ? line : `FAILED (status ${timed.code}): ${line}`;
    rows.push(
      `| \`npm ${command}\` | ${timed.seconds.toFixed(0)} s | ${setup.toFixed(0)} s | ${outcome.replaceAll('|', '/')} |`,
    );
    fresh.remove();
  }
  return `## The two commands from nothing

| command | in all | of it set-up | last line |
| --- | --- | --- | --- |
${rows.join('\n')}
`;
}

/**
 * A clone of the last commit with an empty home.
 * @param {string} name
 */
function clone(name) {
  const folder = join(root, name);
  const home = mkdtempSync(join(root, 'home-'));
  execFileSync('git', ['clone', '--quiet', checkout, folder]);
  const kept = Object.entries(process.env).filter(([key]) => !/^npm_|^XDG_|^TESTUDO_|^INIT_CWD$/i.test(key));
  const path = (process.env.PATH ?? '').split(':').filter((entry) => !entry.includes('node_modules'));
  const env = { ...Object.fromEntries(kept), HOME: home, PATH: path.join(':'), CI: 'true' };
  return {
    folder,
    /** @param {string[]} args */
    run: (args) => time('npm', args, folder, env),
    /** @param {string[]} args @param {number} [killAfterMs] */
    node: (args, killAfterMs) => time('node', args, folder, env, killAfterMs),
    remove: () => {
      rmSync(folder, { recursive: true, force: true });
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/**
 * @param {string} file
 * @param {string[]} args
 * @param {string} cwd
 * @param {NodeJS.ProcessEnv} env
 * @param {number} [killAfterMs]
 * @returns {Promise<Timed>}
 */
function time(file, args, cwd, env, killAfterMs) {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const child = spawn(file, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const timer = killAfterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfterMs);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        output += chunk;
      });
    }
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      const done = [...output.matchAll(/^ {2}(.+): done in ([\d.]+) s$/gm)];
      const phases = done.map(([, name = '', seconds]) => ({ name, seconds: Number(seconds) }));
      resolve({ seconds: (performance.now() - startedAt) / 1000, code, output, phases });
    });
  });
}

/** @param {Promise<Timed>} running */
async function expectSuccess(running) {
  const timed = await running;
  if (timed.code !== 0) throw new Error(`ended with ${timed.code}:\n${timed.output}`);
  return timed;
}

/** @param {Timed} timed */
function phaseTable({ seconds, phases }) {
  const rows = phases.map((phase) => `| ${phase.name} | ${phase.seconds.toFixed(1)} s |`);
  return ['| phase | took |', '| --- | --- |', ...rows, `| in all | ${seconds.toFixed(1)} s |`].join('\n');
}

/** @param {string[]} args */
function git(...args) {
  return execFileSync('git', args, { cwd: checkout, encoding: 'utf8' }).trim();
}
