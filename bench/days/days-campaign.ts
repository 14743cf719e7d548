import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { spread } from '../../lab/simulator/spread.ts';
import type { Sum } from '../../lab/simulator/sum.ts';
import { wholeNumbers } from '../../lab/whole-numbers.ts';
import { asCalled, writeFaults } from '../harness/faults-page.ts';
import { describeMachine } from '../harness/machine.ts';

/**
 * `npm run campaign -- days [--from 1000001] [--days 10000] [--minutes 60]`: simulated days by their seeds, as many as the time lets, on
 * all cores. Writes its part of docs/benchmarks/faults.md; exits with 1 when a rule was broken.
 */
export async function daysCampaign(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      from: { type: 'string', default: '1000001' },
      days: { type: 'string', default: '10000' },
      minutes: { type: 'string', default: '60' },
    },
  });
  const { from, days, minutes } = wholeNumbers(values);
  const called = asCalled(values);
  const startedMs = performance.now();
  const elapsedMs = () => performance.now() - startedMs;
  const isOver = () => elapsedMs() > minutes * 60_000;
  const broken: string[] = [];
  const write = (line: string) => {
    broken.push(line);
    console.log(line);
  };
  const processes = availableParallelism();
  const sum = await spread({ from, to: from + days - 1, step: 1 }, processes, write, isOver);
  const report = reportOf(sum, { from, called, processes, seconds: elapsedMs() / 1_000, broken });
  writeFaults('Simulated days', report);
  console.log(report);
  process.exitCode = broken.length === 0 ? 0 : 1;
}

type Run = Readonly<{ from: number; called: string; processes: number; seconds: number; broken: readonly string[] }>;

function reportOf({ seeds, acts, candidates, done }: Sum, { from, called, processes, seconds, broken }: Run): string {
  const { cpu, cores, memoryGiB, node, commit } = describeMachine();
  const text = (count: number) => count.toLocaleString('en');
  const rows = Object.entries(done)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([kind, count]) => `| ${kind} | ${text(count)} |`);
  return `
Written by \`npm run campaign -- days ${called}\`; do not edit.

${text(seeds)} simulated days, of the seeds ${from} to ${from + seeds - 1}: the real code over simulated clocks, networks, disks, databases and pods, held to every
rule after each of ${text(acts)} steps ([simulator.md](../simulator.md) says what that is). ${text(candidates)} rounds gave a candidate. What was done to them:

| deed | times |
|---|---:|
${rows.join('\n')}

${broken.length === 0 ? 'No rule was broken.' : `Broken:\n\n${broken.map((line) => `- \`${line.slice(0, 300)}\``).join('\n')}`}

${processes} processes beside whatever else the machine did: ${text(Math.round(seconds))} s, ${text(Math.round((seeds * 86_400) / seconds))} times real time.

${cpu}, ${cores} cores, ${memoryGiB} GiB, Node ${node}, commit ${commit}.
`;
}
