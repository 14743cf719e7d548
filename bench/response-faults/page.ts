import { endSteps, quarantineSteps } from '../../tools/testing/kube/kills/quarantine-kills.ts';
import { rotationSteps } from '../../tools/testing/kube/kills/rotation-kills.ts';
import type { Machine } from '../harness/machine.ts';
import type { Kept, Killed, KillTurn, QuarantineTurn, RotationTurn } from './turns.ts';

const notHere = 'Not measured yet.';

/** docs/benchmarks/response-faults.md. */
export function faultsPage(kept: Kept): string {
  const wrong = Object.values(kept).flatMap((turns) => turns.flatMap((turn) => turn.wrong));
  return `# Faults of agents and API servers

Written by \`npm run campaign:response\`; do not edit. A part that a run leaves out (\`--only\`) stays as it was measured last, and one that was
stopped goes on with \`--continue\`, whatever the code has become meanwhile: figures are sums over the commits that are named.

## Killed on a real control plane

Real agent processes and real Kubernetes control planes on this machine (kwok for kubelets). At each named step the agent dies by its own hand, or kills
the API server that it is about to ask or has just asked; and either dies at any moment. Rotations: of single replicas under \`minAvailable: 1\`, of a
StatefulSet, and of pods that are put back because a quota refuses their replacement. Quarantines: from the alert to the end. Held on
every event of the watches, in the audit log and on disk: no service without a ready endpoint, no pod released or in quarantine by
half, no pod evicted or put into quarantine twice, evidence of each in a whole chain and its budget spent once, every rotation in a log that verifies.

${kept.kills.length === 0 ? notHere : killText(kept.kills)}

Steps of a rotation: ${list(rotationSteps)}. Of a quarantine: ${list(quarantineSteps)}, of its end ${list(endSteps)}, and any moment.

## Simulated histories of rotation

Every part of the agent is real but its clock, its watches and its connection.

${kept.rotation.length === 0 ? notHere : rotationText(kept.rotation)}

## Simulated histories of quarantine

${kept.quarantine.length === 0 ? notHere : quarantineText(kept.quarantine)}

${wrong.length === 0 ? 'No promise was broken.' : wrong.map((line) => `- ${line}`).join('\n')}
`;
}

function killText(turns: readonly KillTurn[]): string {
  const row = (name: string, of: Killed, pods: string) => `| ${name} | ${of.agent} | ${of['API server']} | ${pods} |`;
  const [rotation, quarantine] = [killed(turns, 'rotation'), killed(turns, 'quarantine')];
  return `| | SIGKILLs of agents | of the API server | pods |
|---|---:|---:|---|
${row('rotation', rotation, `${sum(turns, ({ replaced }) => replaced)} replaced`)}
${row('quarantine', quarantine, `${sum(turns, ({ quarantined }) => quarantined)} isolated`)}

${killsOf(turns)} SIGKILLs in ${turns.length} turns, each with every step of either side. ${machines(turns)}`;
}

function killed(turns: readonly KillTurn[], what: 'rotation' | 'quarantine'): Killed {
  return {
    agent: sum(turns, (turn) => turn[what].agent),
    'API server': sum(turns, (turn) => turn[what]['API server']),
  };
}

/** Of either side, in all. */
export function killsOf(turns: readonly KillTurn[]): number {
  const of = (what: 'rotation' | 'quarantine') => {
    const { agent, 'API server': apiServer } = killed(turns, what);
    return agent + apiServer;
  };
  return of('rotation') + of('quarantine');
}

function rotationText(turns: readonly RotationTurn[]): string {
  const reasons = [...new Set(turns.flatMap(({ overBound }) => Object.keys(overBound)))].sort();
  return `${histories(turns)} histories of 80 simulated minutes and a bound of 60; faults of each seed's choice: ${turns[0]?.faults}. ${sum(turns, ({ rotations }) => rotations)} rotations,
${sum(turns, ({ putBack }) => putBack)} put back. Held at every change: never below budget or floor, no capacity lost in surge mode, no pod beyond the bound without a reason (${reasons.join(', ')}),
none evicted unready, no more in flight than may be, nothing left half done, no kind touched that must not be.

${machines(turns)}`;
}

function quarantineText(turns: readonly QuarantineTurn[]): string {
  return `${histories(turns)} histories of 30 suspects or fewer and of 40 simulated minutes in which all comes to its end; faults of each seed's choice: ${turns[0]?.faults}.
${sum(turns, ({ spent }) => spent)} quarantines begun, ${sum(turns, ({ marked }) => marked)} pods isolated; the others were evicted, as pods of StatefulSets are, or held by a budget to the end. Never in
quarantine by half, without evidence or beyond a budget of the hour or day, never twice, none kept beyond its time.

${machines(turns)}`;
}

/** Where all of it was measured, and how long it took. */
function machines(turns: readonly Readonly<{ machine: Machine; seconds: number }>[]): string {
  const places = new Set(
    turns.map(({ machine: of }) => `${of.cpu}, ${of.cores} cores, ${of.memoryGiB} GiB, Node ${of.node}`),
  );
  const commits = Map.groupBy(turns, ({ machine }) => machine.commit);
  const seconds = sum(turns, (turn) => turn.seconds);
  const share = [...commits].map(([commit, of]) => `${of.length} turn${of.length === 1 ? '' : 's'} at ${commit}`);
  const mixed = commits.size === 1 ? '' : ` Of the ${turns.length} turns there were ${share.join(', ')}.`;
  return `${[...places].join('; ')}; commit${commits.size === 1 ? '' : 's'} ${[...commits.keys()].join(', ')}; ${seconds} s, summed over turns.${mixed}`;
}

export const histories = (turns: readonly Readonly<{ histories: number }>[]) => sum(turns, (turn) => turn.histories);
const list = (names: readonly string[]) => names.map((name) => `\`${name}\``).join(', ');

function sum<Of>(items: readonly Of[], of: (item: Of) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
