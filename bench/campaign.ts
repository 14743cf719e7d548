#!/usr/bin/env node
/**
 * The long form of the kill tests: real coordinator processes, killed at every named step and at random moments, then
 * held to an undisturbed run. Writes docs/benchmarks/faults.md; exits with 1 when anything was lost.
 *
 *     node bench/campaign.ts [--repetitions 20] [--kills 300] [--seed 1]
 *     node bench/campaign.ts cluster     the same on PostgreSQL: cluster/campaign.ts
 *     node bench/campaign.ts cluster soak     rounds and takeovers for hours: cluster/soak-campaign.ts
 *     node bench/campaign.ts siege       rounds while others hold its ports: siege/siege-campaign.ts
 *     node bench/campaign.ts days        simulated days, as many as the time lets: days/days-campaign.ts
 */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { roundFailpoints as failpoints } from '../base/failpoint.ts';
import { seededRandom } from '../base/random.ts';
import type { ReceiptData } from '../coordinator/rounds/update-desk.ts';
import { findBroken, readTrack, runRounds } from '../coordinator/testing/kill-rounds.ts';
import { wholeNumbers } from '../lab/whole-numbers.ts';
import { clusterCampaign } from './cluster/campaign.ts';
import { daysCampaign } from './days/days-campaign.ts';
import { endWithChildren } from './harness/end-with-children.ts';
import { writeFaults } from './harness/faults-page.ts';
import { describeMachine } from './harness/machine.ts';
import { siegeCampaign } from './siege/siege-campaign.ts';

const heading = 'On a data directory';

endWithChildren();

type Tally = { kills: number; rounds: number; receipts: number; broken: string[] };

if (process.argv[2] === 'cluster') {
  await clusterCampaign(process.argv.slice(3));
  process.exit();
}
if (process.argv[2] === 'siege') {
  await siegeCampaign(process.argv.slice(3));
  process.exit();
}

if (process.argv[2] === 'days') {
  await daysCampaign(process.argv.slice(3));
  process.exit();
}

const { values } = parseArgs({
  options: {
    repetitions: { type: 'string', default: '20' },
    kills: { type: 'string', default: '300' },
    seed: { type: 'string', default: '1' },
  },
});
const { repetitions, kills, seed } = wholeNumbers(values);
const lanes = Math.max(1, os.availableParallelism());
const killsPerFolder = 25;
const root = mkdtempSync(path.join(os.tmpdir(), 'testudo-campaign-'));
const started = performance.now();
try {
  await main();
} finally {
  rmSync(root, { recursive: true, force: true });
}

async function main(): Promise<void> {
  const candidates = await undisturbed(Math.max(failpoints.length, killsPerFolder) + 1);
  const named = await inLanes(repetitions, (index) => killAtSteps(index, candidates));
  const times = await timesOfARound();
  const random = await inLanes(Math.ceil(kills / killsPerFolder), (index) => killAtRandom(index, candidates, times));
  const seconds = (performance.now() - started) / 1_000;
  const report = reportOf(named, random, seconds);
  writeFaults(heading, report);
  console.log(report);
  process.exitCode = [...named.broken, ...random.broken].length === 0 ? 0 : 1;
}

/** Digests of the models that nobody disturbed, by version. */
async function undisturbed(rounds: number): Promise<readonly string[]> {
  const folder = path.join(root, 'undisturbed');
  const calm = await runRounds(folder, rounds);
  const candidates = readTrack(folder).models.map(({ digest }) => digest);
  const broken = findBroken(folder, calm.receipts, candidates);
  if (calm.exitCode !== 0 || broken.length > 0) throw new Error(`the undisturbed run failed: ${broken.join('; ')}`);
  return candidates;
}

type Times = Readonly<{ startToEndMs: number; openToEndMs: number }>;

/** What a process takes for its start and one round on this machine, now: random kills fall within it. */
async function timesOfARound(): Promise<Times> {
  const folder = path.join(root, 'timed');
  await runRounds(folder, 1);
  return runRounds(folder, 1);
}

/** Every named step once, in an order of this repetition's own. */
async function killAtSteps(index: number, candidates: readonly string[]): Promise<Tally> {
  const folder = path.join(root, `steps-${index}`);
  const order = shuffled(failpoints, seed * 1_000 + index);
  const receipts: ReceiptData[] = [];
  let killed = 0;
  for (const failpoint of order) {
    const ended = await runRounds(folder, 1, { failpoint });
    if (ended.killed) killed++;
    receipts.push(...ended.receipts);
  }
  const missed = order.length - killed;
  return conclude(folder, killed, receipts, candidates, missed === 0 ? [] : [`${missed} failpoints were not reached`]);
}

/** Kills from outside, at moments that depend on nothing in the process. */
async function killAtRandom(index: number, candidates: readonly string[], times: Times): Promise<Tally> {
  const folder = path.join(root, `random-${index}`);
  const random = seededRandom(seed * 7_919 + index);
  const receipts: ReceiptData[] = [];
  let killed = 0;
  for (let tries = 0; killed < killsPerFolder && tries < 4 * killsPerFolder; tries++) {
    if (roundsIn(folder) >= candidates.length - 2) break;
    // Three in four within a round; the rest while starting, recovering, or after the end.
    const kill =
      random() < 0.75
        ? { afterOpeningMs: random() * 1.1 * times.openToEndMs }
        : { afterStartMs: random() * 1.2 * times.startToEndMs };
    const ended = await runRounds(folder, 1, kill);
    if (ended.killed) killed++;
    receipts.push(...ended.receipts);
  }
  return conclude(folder, killed, receipts, candidates, []);
}

function roundsIn(folder: string): number {
  try {
    return readTrack(folder)?.roundCount ?? 0;
  } catch {
    return 0; // Killed before there was a journal.
  }
}

async function conclude(
  folder: string,
  kills: number,
  receipts: ReceiptData[],
  candidates: readonly string[],
  broken: string[],
): Promise<Tally> {
  const last = await runRounds(folder, 1);
  receipts.push(...last.receipts);
  if (last.exitCode !== 0) broken.push(`${folder}: the last start ended with ${last.exitCode}`);
  broken.push(...findBroken(folder, receipts, candidates));
  const rounds = readTrack(folder).roundCount;
  if (broken.length === 0) rmSync(folder, { recursive: true, force: true });
  return { kills, rounds, receipts: receipts.length, broken };
}

async function inLanes(count: number, run: (index: number) => Promise<Tally>): Promise<Tally> {
  const sum: Tally = { kills: 0, rounds: 0, receipts: 0, broken: [] };
  let next = 0;
  const lane = async () => {
    while (next < count) {
      const tally = await run(next++);
      sum.kills += tally.kills;
      sum.rounds += tally.rounds;
      sum.receipts += tally.receipts;
      sum.broken.push(...tally.broken);
      console.log(`${sum.kills} kills, ${sum.rounds} rounds, ${sum.receipts} receipts, ${sum.broken.length} broken`);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return sum;
}

function reportOf(named: Tally, random: Tally, seconds: number): string {
  const row = (name: string, { kills: killed, rounds, receipts, broken }: Tally) =>
    `| ${name} | ${killed} | ${rounds} | ${receipts} | ${broken.length} |`;
  const { cpu, cores, memoryGiB, node, commit } = describeMachine();
  const broken = [...named.broken, ...random.broken];
  return `
Written by \`npm run campaign -- --repetitions ${repetitions} --kills ${kills} --seed ${seed}\`; do not edit.

Real coordinator processes on real files, killed with SIGKILL. After each kill the next process finishes the round that
was left open, then opens another. At the end the journal is read by another reader and held to an undisturbed run:
the chain verifies; every receipt that a client ever got is in the journal with its position and time; every round
counted each cluster once; every candidate has the digest of the undisturbed one; every round key is destroyed.

| killed | kills | rounds | receipts checked | broken |
|---|---:|---:|---:|---:|
${row(`at each of ${failpoints.length} named steps`, named)}
${row('at random moments', random)}

${broken.length === 0 ? 'Nothing was lost, counted twice or different.' : broken.map((line) => `- ${line}`).join('\n')}

Named steps: ${failpoints.map((name) => `\`${name}\``).join(', ')}.

${cpu}, ${cores} cores, ${memoryGiB} GiB, Node ${node}, commit ${commit}; ${Math.round(seconds)} s.
`;
}

function shuffled<Item>(items: readonly Item[], itsSeed: number): Item[] {
  const random = seededRandom(itsSeed);
  return items
    .map((item) => ({ item, draw: random() }))
    .sort((a, b) => a.draw - b.draw)
    .map(({ item }) => item);
}
