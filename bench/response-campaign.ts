#!/usr/bin/env node
/**
 * The long form of what kills agents and API servers in the middle of an answer: real agent processes and a real control
 * plane, and simulated histories with every fault there is. Writes docs/benchmarks/response-faults.md; exits with 1 when a
 * promise was broken.
 *
 *     node bench/response-campaign.ts [--repetitions 14] [--lanes 2] [--minutes 240] [--histories 10000] [--seed 1]
 *       [--only kills,rotation,quarantine]
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Random, seededRandom } from '../base/random.ts';
import { ensureControlPlane } from '../tools/testing/kube/build.mjs';
import { ControlPlane } from '../tools/testing/kube/control-plane.ts';
import { endSteps, QuarantineKills, quarantineSteps } from '../tools/testing/kube/kills/quarantine-kills.ts';
import { RotationKills, rotationSteps } from '../tools/testing/kube/kills/rotation-kills.ts';
import { describeMachine, type Machine } from './harness/machine.ts';
import { quarantineHistories, rotationHistories } from './rotation/histories.ts';

type Killed = Readonly<{ agent: number; 'API server': number }>;
type Part<Of> = Of & Machine & Readonly<{ seconds: number }>;
type Measured = Readonly<{
  kills?: Part<Kills>;
  rotation?: Part<Awaited<ReturnType<typeof rotationHistories>>>;
  quarantine?: Part<Awaited<ReturnType<typeof quarantineHistories>>>;
}>;
type Kills = Readonly<{ rotation: Killed; quarantine: Killed; replaced: number; quarantined: number; wrong: string[] }>;

const { values } = parseArgs({
  options: {
    repetitions: { type: 'string', default: '14' },
    histories: { type: 'string', default: '10000' },
    lanes: { type: 'string', default: '2' },
    minutes: { type: 'string', default: '240' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', default: 'kills,rotation,quarantine' },
  },
});
const { repetitions, histories, lanes, minutes, seed } = Object.fromEntries(
  Object.entries(values).map(([name, value]) => [name, Number(value)]),
) as Record<'repetitions' | 'histories' | 'lanes' | 'minutes' | 'seed', number>;
const victims = ['agent', 'API server'] as const;

const started = performance.now();
const results = fileURLToPath(new URL('./results/response-faults.json', import.meta.url));
const wanted = { count: histories, seed: seed * 100_000 };
const parts = values.only.split(',');
const head = () => ({ ...describeMachine(), seconds: Math.round((performance.now() - started) / 1_000) });
const now: Measured = {
  ...(parts.includes('kills') ? { kills: { ...(await killEverything()), ...head() } } : {}),
  ...(parts.includes('rotation') ? { rotation: { ...(await rotationHistories(wanted)), ...head() } } : {}),
  ...(parts.includes('quarantine') ? { quarantine: { ...(await quarantineHistories(wanted)), ...head() } } : {}),
};
/** A part that this run leaves out stays as it was measured last. */
const measured: Measured = { ...(existsSync(results) ? JSON.parse(readFileSync(results, 'utf8')) : {}), ...now };
const wrong = [measured.kills, measured.rotation, measured.quarantine].flatMap((part) => part?.wrong ?? []);
const page = reportOf(measured);
writeFileSync(results, `${JSON.stringify(measured, null, 2)}\n`);
writeFileSync(fileURLToPath(new URL('../docs/benchmarks/response-faults.md', import.meta.url)), page);
console.log(page);
process.exitCode = wrong.length === 0 ? 0 : 1;

/** Lanes beside each other, each with a control plane of its own: most of the time everybody waits to be connected again. */
async function killEverything(): Promise<Kills> {
  const parts = await Promise.all(Array.from({ length: lanes }, (_, at) => killInLane(at)));
  const sum = (of: (kills: Kills) => number) => parts.reduce((total, part) => total + of(part), 0);
  const killed = (what: 'rotation' | 'quarantine'): Killed => ({
    agent: sum((part) => part[what].agent),
    'API server': sum((part) => part[what]['API server']),
  });
  return {
    ...{ rotation: killed('rotation'), quarantine: killed('quarantine'), wrong: parts.flatMap(({ wrong }) => wrong) },
    ...{ replaced: sum(({ replaced }) => replaced), quarantined: sum(({ quarantined }) => quarantined) },
  };
}

async function killInLane(lane: number): Promise<Kills> {
  const root = mkdtempSync(path.join(os.tmpdir(), 'testudo-response-campaign-'));
  const plane = await ControlPlane.start({ programs: await ensureControlPlane() });
  const folderOf = (name: string) => mkdtempSync(path.join(root, `${name}-`));
  const random = seededRandom(seed * 1_000 + lane);
  const open: { close(): Promise<void> }[] = [];
  try {
    const rotations = await RotationKills.prepare(plane, 'rotated', folderOf('rotated'));
    open.push(rotations);
    const isolations = await QuarantineKills.prepare(plane, 'isolated', folderOf('isolated'));
    open.push(isolations);
    for (let at = 1; at <= repetitions / lanes && performance.now() - started < minutes * 60_000; at += 1) {
      await killOnce(rotations, isolations, random, at % 4 === 1);
      const found = [...(await rotations.verdict()).wrong, ...(await isolations.verdict()).wrong];
      const seconds = Math.round((performance.now() - started) / 1_000);
      console.log(`${seconds} s, lane ${lane}, ${at}`, rotations.killing.kills, isolations.killing.kills, found);
    }
    const [rotated, isolated] = [await rotations.verdict(), await isolations.verdict()];
    rmSync(root, { recursive: true, force: true });
    return {
      ...{ rotation: rotations.killing.kills, quarantine: isolations.killing.kills },
      ...{ replaced: rotated.replaced, quarantined: isolated.quarantined },
      wrong: [...rotated.wrong, ...isolated.wrong],
    };
  } catch (error) {
    console.log(`what the agents said and wrote is in ${root}`);
    throw error;
  } finally {
    await Promise.all(open.map((one) => one.close()));
    await plane.stop();
  }
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

function reportOf({ kills, rotation, quarantine }: Measured): string {
  const machine = (of: Machine & Readonly<{ seconds: number }>) =>
    `${of.cpu}, ${of.cores} cores, ${of.memoryGiB} GiB, Node ${of.node}, commit ${of.commit}; ${of.seconds} s.`;
  const row = (name: string, of: Killed, what: string) => `| ${name} | ${of.agent} | ${of['API server']} | ${what} |`;
  const list = (names: readonly string[]) => names.map((name) => `\`${name}\``).join(', ');
  const notHere = 'Not measured yet.';
  const killText =
    kills === undefined
      ? notHere
      : `| | SIGKILLs of agents | of the API server | pods |
|---|---:|---:|---|
${row('rotation', kills.rotation, `${kills.replaced} replaced`)}
${row('quarantine', kills.quarantine, `${kills.quarantined} isolated`)}

${machine(kills)}`;
  const rotationText =
    rotation === undefined
      ? notHere
      : `${rotation.histories} histories of 80 simulated minutes and a bound of 60; faults of each seed's choice: ${rotation.faults}. ${rotation.rotations} rotations,
${rotation.putBack} put back. Held at every change: never below budget or floor, no capacity lost in surge mode, no pod beyond the bound without a reason (${Object.keys(rotation.overBound).sort().join(', ')}),
none evicted twice or unready, no more in flight than may be, nothing left half done, no kind touched that must not be.

${machine(rotation)}`;
  const quarantineText =
    quarantine === undefined
      ? notHere
      : `${quarantine.histories} histories of 30 suspects or fewer and of 40 simulated minutes in which all comes to its end; faults of each seed's choice: ${quarantine.faults}.
${quarantine.spent} quarantines begun, ${quarantine.marked} pods isolated; the others were evicted, as pods of StatefulSets are, or held by a budget to the end. Never in
quarantine by half, without evidence or beyond a budget of the hour or day, never twice, none kept beyond its time.

${machine(quarantine)}`;
  return `# Faults of agents and API servers

Written by \`npm run campaign:response\`; do not edit. A part that a run leaves out (\`--only\`) stays as it was measured last.

## Killed on a real control plane

Real agent processes and real Kubernetes control planes on this machine (kwok for kubelets). At each named step the agent dies by its own hand, or kills
the API server that it is about to ask or has just asked; and either dies at any moment. Rotations: of single replicas under \`minAvailable: 1\`, of a
StatefulSet, and of pods that are put back because a quota refuses their replacement. Quarantines: from the alert to the end. Held on
every event of the watches, in the audit log and on disk: no service without a ready endpoint, no pod released or in quarantine by
half, no pod evicted or put into quarantine twice, evidence of each in a whole chain and its budget spent once, every rotation in a log that verifies.

${killText}

Steps of a rotation: ${list(rotationSteps)}. Of a quarantine: ${list([...quarantineSteps, ...endSteps])}, any moment.

## Simulated histories of rotation

Every part of the agent is real but its clock, its watches and its connection.

${rotationText}

## Simulated histories of quarantine

${quarantineText}

${wrong.length === 0 ? 'No promise was broken.' : wrong.map((line) => `- ${line}`).join('\n')}
`;
}
