import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { roundFailpoints } from '../../base/failpoint.ts';
import { wholeNumbers } from '../../lab/whole-numbers.ts';
import { asCalled, writeFaults } from '../harness/faults-page.ts';
import { KeptLines } from '../harness/kept-lines.ts';
import { describeMachine } from '../harness/machine.ts';
import { KilledRounds, killsPerFolder, type Tally } from './killed-rounds.ts';

/** What became of one data directory, whose journal was read out at the end. */
type Stretch = Readonly<{ part: Part; seed: number; index: number; tally: Tally; seconds: number; commit: string }>;
type Part = 'steps' | 'random';

/**
 * The long form of the kill tests: `npm run campaign -- kills [--repetitions 20] [--kills 300] [--seed 1] [--kept FILE] [--minutes 0]`.
 * Real coordinator processes, killed at every named step and at random moments, then held to an undisturbed run. With `--kept`
 * each data directory is kept as a line of a file, and the next call goes on until there are as many as asked for; with `--minutes` none
 * is begun after these. Writes its part of docs/benchmarks/faults.md; exits with 1 when anything was lost.
 */
export async function killsCampaign(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      repetitions: { type: 'string', default: '20' },
      kills: { type: 'string', default: '300' },
      seed: { type: 'string', default: '1' },
      minutes: { type: 'string', default: '0' },
      kept: { type: 'string' },
    },
  });
  const { kept: file, minutes: minutesText, ...asked } = values;
  const { repetitions, kills, seed, minutes } = wholeNumbers({ ...asked, minutes: minutesText });
  const kept = new KeptLines<Stretch>(file);
  const { commit } = describeMachine();
  const endsMs = minutes === 0 ? Number.POSITIVE_INFINITY : performance.now() + minutes * 60_000;
  const root = mkdtempSync(path.join(os.tmpdir(), 'testudo-campaign-'));
  try {
    const killed = await KilledRounds.prepare(root);
    const left = inTurns(numbered('steps', repetitions), numbered('random', Math.ceil(kills / killsPerFolder))).filter(
      (job) => !kept.all.some((done) => done.seed === seed && done.part === job.part && done.index === job.index),
    );
    await inLanes(left, async ({ part, index }) => {
      if (performance.now() >= endsMs) return;
      const startedMs = performance.now();
      const tally = part === 'steps' ? await killed.atEachStep(index, seed) : await killed.atRandom(index, seed);
      const seconds = (performance.now() - startedMs) / 1_000;
      kept.add({ part, seed, index, tally, seconds, commit });
      const sum = sumOf(kept.all);
      console.log(`${sum.kills} kills, ${sum.rounds} rounds, ${sum.receipts} receipts, ${sum.broken.length} broken`);
    });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
  const report = reportOf(kept.all, asCalled(asked));
  writeFaults('On a data directory', report);
  console.log(report);
  process.exitCode = sumOf(kept.all).broken.length === 0 ? 0 : 1;
}

type Job = Readonly<{ part: Part; index: number }>;

function numbered(part: Part, count: number): Job[] {
  return Array.from({ length: count }, (_, index) => ({ part, index }));
}

/** Both parts at the same pace, so that a campaign that is ended early has done as much of each. */
function inTurns(...parts: readonly (readonly Job[])[]): Job[] {
  const paced = parts.flatMap((jobs) => jobs.map((job, at) => ({ job, done: (at + 1) / jobs.length })));
  return paced.sort((one, other) => one.done - other.done).map(({ job }) => job);
}

/** As many at once as there are cores. */
async function inLanes(jobs: readonly Job[], run: (job: Job) => Promise<void>): Promise<void> {
  const waiting = [...jobs];
  const lane = async () => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) await run(job);
  };
  await Promise.all(Array.from({ length: Math.max(1, os.availableParallelism()) }, lane));
}

function sumOf(stretches: readonly Stretch[]): Tally {
  const tallies = stretches.map(({ tally }) => tally);
  const total = (of: (tally: Tally) => number) => tallies.reduce((sum, tally) => sum + of(tally), 0);
  return {
    kills: total(({ kills }) => kills),
    rounds: total(({ rounds }) => rounds),
    receipts: total(({ receipts }) => receipts),
    broken: tallies.flatMap(({ broken }) => broken),
  };
}

function reportOf(stretches: readonly Stretch[], called: string): string {
  const row = (name: string, part: Part) => {
    const { kills, rounds, receipts, broken } = sumOf(stretches.filter((stretch) => stretch.part === part));
    return `| ${name} | ${kills} | ${rounds} | ${receipts} | ${broken.length} |`;
  };
  const { cpu, cores, memoryGiB, node } = describeMachine();
  const { broken } = sumOf(stretches);
  const seconds = stretches.reduce((sum, stretch) => sum + stretch.seconds, 0);
  const commits = [...new Set(stretches.map(({ commit }) => commit))].join(', ');
  return `
Written by \`npm run campaign -- kills ${called}\`; do not edit.

Real coordinator processes on real files, killed with SIGKILL. After each kill the next process finishes the round that
was left open, then opens another. At the end the journal is read by another reader and held to an undisturbed run:
the chain verifies; every receipt that a client ever got is in the journal with its position and time; every round
counted each cluster once; every candidate has the digest of the undisturbed one; every round key is destroyed.

| killed | kills | rounds | receipts checked | broken |
|---|---:|---:|---:|---:|
${row(`at each of ${roundFailpoints.length} named steps`, 'steps')}
${row('at random moments', 'random')}

${broken.length === 0 ? 'Nothing was lost, counted twice or different.' : broken.map((line) => `- ${line}`).join('\n')}

Named steps: ${roundFailpoints.map((name) => `\`${name}\``).join(', ')}.

${cpu}, ${cores} cores, ${memoryGiB} GiB, Node ${node}, commit ${commits}; ${Math.round(seconds)} s, of data directories side by side.
`;
}
