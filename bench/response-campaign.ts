#!/usr/bin/env node
/**
 * The long form of what kills agents and API servers in the middle of an answer: real agent processes and a real control
 * plane, and simulated histories with every fault there is. Writes docs/benchmarks/response-faults.md after each turn; exits with 1
 * when a promise was broken. SIGINT and SIGTERM end it after the turn that it is at; `--continue` goes on from there.
 *
 *     node bench/response-campaign.ts [--repetitions 14] [--lanes 2] [--minutes 240] [--histories 10000] [--seed 1]
 *       [--only kills,rotation,quarantine] [--continue]
 *
 * `--repetitions`: turns of the kills in all lanes together, with those that `--continue` finds; `--histories`: likewise.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type Random, seededRandom } from '../base/random.ts';
import { wholeNumbers } from '../lab/whole-numbers.ts';
import { ensureControlPlane } from '../tools/testing/kube/build.mjs';
import { ControlPlane } from '../tools/testing/kube/control-plane.ts';
import { endSteps, QuarantineKills, quarantineSteps } from '../tools/testing/kube/kills/quarantine-kills.ts';
import { RotationKills, rotationSteps } from '../tools/testing/kube/kills/rotation-kills.ts';
import { KeptTurns } from './response-faults/kept.ts';
import { faultsPage } from './response-faults/page.ts';
import type { Killed, PartName } from './response-faults/turns.ts';
import { quarantineHistories, rotationHistories } from './rotation/histories.ts';

const { values } = parseArgs({
  options: {
    repetitions: { type: 'string', default: '14' },
    histories: { type: 'string', default: '10000' },
    lanes: { type: 'string', default: '2' },
    minutes: { type: 'string', default: '240' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', default: 'kills,rotation,quarantine' },
    continue: { type: 'boolean', default: false },
  },
});
const { only, continue: isContinued, ...counts } = values;
const { repetitions, histories, lanes, minutes, seed } = wholeNumbers(counts);
const nobody: Killed = { agent: 0, 'API server': 0 };
/** Before the first kill there is neither a log nor a chain to look at. */
const nothingYet = { replaced: 0, quarantined: 0, rotation: nobody, quarantine: nobody, wrong: [] };
const victims = ['agent', 'API server'] as const;
/** Written down together: a turn of histories takes seconds. */
const historiesOfTurn = 250;

const started = performance.now();
const secondsSince = (from: number) => Math.round((performance.now() - from) / 1_000);
let isStopped = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => (isStopped = true));
const goesOn = () => !isStopped && performance.now() - started < minutes * 60_000;

const parts = only.split(',') as PartName[];
const kept = new KeptTurns(isContinued ? [] : parts);
let turnsBegun = kept.all.kills.length;
if (parts.includes('kills')) {
  // What one lane meets ends no other: each has a control plane and agents to bring to their end.
  const ended = await Promise.allSettled(Array.from({ length: lanes }, (_, lane) => killInLane(lane)));
  for (const lane of ended) if (lane.status === 'rejected') throw lane.reason;
}
if (parts.includes('rotation')) await runHistories('rotation', rotationHistories);
if (parts.includes('quarantine')) await runHistories('quarantine', quarantineHistories);
console.log(faultsPage(kept.all));
const isBroken = Object.values(kept.all).some((turns) => turns.some(({ wrong }) => wrong.length > 0));
process.exitCode = isBroken ? 1 : 0;

/** Seeds go on where the last turn ended. */
async function runHistories<Name extends 'rotation' | 'quarantine'>(
  name: Name,
  run: Name extends 'rotation' ? typeof rotationHistories : typeof quarantineHistories,
): Promise<void> {
  const done = () => kept.all[name].reduce((total, turn) => total + turn.histories, 0);
  while (done() < histories && goesOn()) {
    const from = seed * 100_000 + done();
    const startedAt = performance.now();
    const figures = await run({ count: Math.min(historiesOfTurn, histories - done()), seed: from });
    // biome-ignore lint/suspicious/noExplicitAny: `run` is the one of `name`, and the compiler cannot follow both.
    await kept.add(name, { ...figures, from, seconds: secondsSince(startedAt) } as any);
    console.log(`${secondsSince(started)} s: ${done()} histories of ${name}`, figures.wrong);
  }
}

/** Lanes beside each other, each with a control plane of its own: most of the time everybody waits to be connected again. */
async function killInLane(lane: number): Promise<void> {
  if (turnsBegun >= repetitions) return;
  const root = mkdtempSync(path.join(os.tmpdir(), 'testudo-response-campaign-'));
  const plane = await ControlPlane.start({ programs: await ensureControlPlane() });
  const folderOf = (name: string) => mkdtempSync(path.join(root, `${name}-`));
  const open: { close(): Promise<void> }[] = [];
  try {
    const rotations = await RotationKills.prepare(plane, 'rotated', folderOf('rotated'));
    open.push(rotations);
    const isolations = await QuarantineKills.prepare(plane, 'isolated', folderOf('isolated'));
    open.push(isolations);
    const now = async () => {
      const [rotated, isolated] = [await rotations.verdict(), await isolations.verdict()];
      const counts = { replaced: rotated.replaced, quarantined: isolated.quarantined };
      const killed = { rotation: { ...rotations.killing.kills }, quarantine: { ...isolations.killing.kills } };
      return { ...counts, ...killed, wrong: [...rotated.wrong, ...isolated.wrong] };
    };
    for (let before: Awaited<ReturnType<typeof now>> = nothingYet; turnsBegun < repetitions && goesOn(); ) {
      const turn = turnsBegun++;
      const startedAt = performance.now();
      await killOnce(rotations, isolations, seededRandom(seed * 1_000 + turn), turn % 4 === 0);
      const after = await now();
      await kept.add('kills', {
        rotation: killsSince(before.rotation, after.rotation),
        quarantine: killsSince(before.quarantine, after.quarantine),
        replaced: after.replaced - before.replaced,
        quarantined: after.quarantined - before.quarantined,
        wrong: after.wrong.filter((line) => !before.wrong.includes(line)),
        seconds: secondsSince(startedAt),
      });
      console.log(`${secondsSince(started)} s, lane ${lane}, turn ${turn}`, after);
      before = after;
    }
    rmSync(root, { recursive: true, force: true });
  } catch (error) {
    console.log(`what the agents said and wrote is in ${root}`);
    throw error;
  } finally {
    await Promise.all(open.map((one) => one.close()));
    await plane.stop();
  }
}

function killsSince(before: Killed, after: Killed): Killed {
  return { agent: after.agent - before.agent, 'API server': after['API server'] - before['API server'] };
}

/** Either side at every step; agents first: after its API server was away a controller takes its time to connect again. */
async function killOnce(
  rotations: RotationKills,
  isolations: QuarantineKills,
  random: Random,
  waits: boolean,
): Promise<void> {
  await isolations.killAgentsAtEachStep();
  for (const victim of victims) for (const step of rotationSteps) await rotations.kill(victim, step, random, waits);
  await rotations.rest();
  for (const [half, end] of endSteps.entries()) {
    for (const step of quarantineSteps.filter((_, index) => index % 2 === half)) {
      await isolations.killApiServerAt(step);
    }
    await isolations.killApiServerAtTheEnd(end);
  }
  for (const victim of victims) await isolations.killAtAnyMoment(victim, random);
  await isolations.rest();
}
