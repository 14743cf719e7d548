import { parseArgs } from 'node:util';
import { roundFailpoints } from '../../base/failpoint.ts';
import { wholeNumbers } from '../../lab/whole-numbers.ts';
import { writeFaults } from '../harness/faults-page.ts';
import { describeMachine } from '../harness/machine.ts';
import { deeds, type History, runHistory } from './history.ts';
import { disturbRounds, type RoundsTally } from './rounds.ts';

/**
 * The long form of the tests on PostgreSQL: `npm run campaign -- cluster [--repetitions 1] [--faults 330] [--seed 1]`. Real
 * servers, a real standby, real coordinators. Writes its part of docs/benchmarks/faults.md; exits with 1 when anything was lost.
 */
export async function clusterCampaign(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      repetitions: { type: 'string', default: '1' },
      faults: { type: 'string', default: '330' },
      seed: { type: 'string', default: '1' },
    },
  });
  const { repetitions, faults, seed } = wholeNumbers(values);
  const started = performance.now();
  const history = await runHistory(faults, seed, console.log);
  const rounds = await disturbRounds(repetitions, console.log);
  const called = `--repetitions ${repetitions} --faults ${faults} --seed ${seed}`;
  const report = reportOf(history, rounds, called, (performance.now() - started) / 1_000);
  writeFaults('On PostgreSQL', report);
  console.log(report);
  process.exitCode = history.broken.length + rounds.broken.length === 0 ? 0 : 1;
}

function reportOf(history: History, rounds: RoundsTally, called: string, seconds: number): string {
  const { cpu, cores, memoryGiB, node, commit } = describeMachine();
  const broken = [...history.broken, ...rounds.broken];
  const rows = deeds.map((deed) => {
    const { count, stale, msMax } = history.byDeed[deed];
    return `| ${deed} | ${count} | ${stale === 0 ? '' : stale} | ${(msMax / 1_000).toFixed(1)} |`;
  });
  return `
Written by \`npm run campaign -- cluster ${called}\`; do not edit.

A primary with a synchronous standby; one process after another appends to the journal over a line that can be cut, and one fault
after another happens at a moment of the seed's choice. A successor takes over after a lease of 1.5 s without a beat. At the end
the rows are read by another reader: the chain holds, and every entry that a writer ever heard of is there, once, the same.
${history.acknowledged} entries were acknowledged.

| fault | times | ended by the fence | seconds until the next acknowledged entry, at most |
|---|---:|---:|---:|
${rows.join('\n')}

Whole coordinators on a database and a shared folder of bytes: killed at each of ${roundFailpoints.length} named steps
(${rounds.kills} kills), then stopped at each, followed by another that finishes the round, and woken (${rounds.stops} stops,
${rounds.stale} ended by the fence). ${rounds.rounds} rounds and ${rounds.receipts} receipts were held to an undisturbed run as below.

${broken.length === 0 ? 'Nothing was lost, counted twice or different.' : broken.map((line) => `- ${line}`).join('\n')}

${cpu}, ${cores} cores, ${memoryGiB} GiB, Node ${node}, commit ${commit}; ${Math.round(seconds)} s.
`;
}
