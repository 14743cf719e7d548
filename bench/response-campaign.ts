#!/usr/bin/env node
/**
 * The long form of what kills agents and API servers in the middle of an answer: real agent processes and a real control
 * plane, and simulated histories with every fault there is. Writes docs/benchmarks/response-faults.md; exits with 1 when a
 * promise was broken.
 *
 *     node bench/response-campaign.ts [--repetitions 14] [--lanes 2] [--minutes 240] [--histories 10000] [--seed 1]
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Random, seededRandom } from '../base/random.ts';
import { ensureControlPlane } from '../tools/testing/kube/build.mjs';
import { ControlPlane } from '../tools/testing/kube/control-plane.ts';
import { endSteps, QuarantineKills, quarantineSteps } from '../tools/testing/kube/kills/quarantine-kills.ts';
import { RotationKills, rotationSteps } from '../tools/testing/kube/kills/rotation-kills.ts';
import { describeMachine } from './harness/machine.ts';
import { quarantineHistories } from './rotation/histories.ts';

type Killed = Readonly<{ agent: number; 'API server': number }>;
type Kills = Readonly<{ rotation: Killed; quarantine: Killed; replaced: number; quarantined: number; wrong: string[] }>;

const { values } = parseArgs({
  options: {
    repetitions: { type: 'string', default: '14' },
    histories: { type: 'string', default: '10000' },
    lanes: { type: 'string', default: '2' },
    minutes: { type: 'string', default: '240' },
    seed: { type: 'string', default: '1' },
  },
});
const { repetitions, histories, lanes, minutes, seed } = Object.fromEntries(
  Object.entries(values).map(([name, value]) => [name, Number(value)]),
) as Record<keyof typeof values, number>;
const victims = ['agent', 'API server'] as const;

const started = performance.now();
const killed = repetitions === 0 ? undefined : await killEverything();
const quarantine = await quarantineHistories({ count: histories, seed: seed * 100_000 });
const wrong = [...(killed?.wrong ?? []), ...quarantine.wrong];
const report = reportOf();
writeFileSync(fileURLToPath(new URL('../docs/benchmarks/response-faults.md', import.meta.url)), report);
console.log(report);
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
  try {
    const rotations = await RotationKills.prepare(plane, 'rotated', folderOf('rotated'));
    const isolations = await QuarantineKills.prepare(plane, 'isolated', folderOf('isolated'));
    for (let at = 1; at <= repetitions / lanes && performance.now() - started < minutes * 60_000; at += 1) {
      await killOnce(rotations, isolations, random, at % 4 === 1);
      const found = [...(await rotations.verdict()).wrong, ...(await isolations.verdict()).wrong];
      const seconds = Math.round((performance.now() - started) / 1_000);
      console.log(`${seconds} s, lane ${lane}, ${at}`, rotations.killing.kills, isolations.killing.kills, found);
    }
    const [rotated, isolated] = [await rotations.verdict(), await isolations.verdict()];
    await Promise.all([rotations.close(), isolations.close()]);
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

function reportOf(): string {
  const { cpu, cores, memoryGiB, node, commit } = describeMachine();
  const row = (name: string, of: Killed, what: string) => `| ${name} | ${of.agent} | ${of['API server']} | ${what} |`;
  const kills =
    killed === undefined
      ? 'Left out of this run.'
      : `Real agent processes and a real Kubernetes control plane on this machine (kwok for kubelets). At each named step the agent dies
by its own hand, or kills the API server that it is about to ask or has just asked; and either dies at any moment. Rotations: of single
replicas under \`minAvailable: 1\`, of a StatefulSet, and of a pod that is put back because a quota refuses its replacement. Quarantines: from the alert to the end. Held
on every event of the watches, in the audit log and on disk: no service without a ready endpoint, no pod released or in quarantine by half, no
pod evicted or put into quarantine twice, evidence of each in a whole chain and its budget spent once, every rotation in a log that verifies.

| | SIGKILLs of agents | of the API server | pods |
|---|---:|---:|---|
${row('rotation', killed.rotation, `${killed.replaced} replaced`)}
${row('quarantine', killed.quarantine, `${killed.quarantined} isolated`)}

Steps of a rotation: ${rotationSteps.map((name) => `\`${name}\``).join(', ')}. Of a quarantine: ${[...quarantineSteps, ...endSteps].map((name) => `\`${name}\``).join(', ')}, any moment.`;
  return `# Faults of agents and API servers

Written by \`npm run campaign:response -- --repetitions ${repetitions} --lanes ${lanes} --minutes ${minutes} --histories ${histories} --seed ${seed}\`; do not edit.

## Killed on a real control plane

${kills}

## Simulated histories of quarantine

${quarantine.histories} histories, each of 30 suspects or fewer within 45 simulated minutes in the mean, and of 40 minutes in which all comes to its end. Every part of
the agent is real but its clock, its watches, its connection and its disk; faults are of each seed's choice: ${quarantine.faults}.
${quarantine.spent} quarantines begun, ${quarantine.marked} pods isolated; the others were evicted, as pods of StatefulSets are, or held by a budget to the end.
Never in quarantine by half, without evidence or beyond a budget of the hour or day, never twice, none kept beyond its time. Those of
rotation are in [rotation.md](rotation.md).

${wrong.length === 0 ? 'No promise was broken.' : wrong.map((line) => `- ${line}`).join('\n')}

${cpu}, ${cores} cores, ${memoryGiB} GiB, Node ${node}, commit ${commit}; ${Math.round((performance.now() - started) / 1_000)} s.
`;
}
