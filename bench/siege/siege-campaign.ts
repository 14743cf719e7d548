import { parseArgs } from 'node:util';
import { wholeNumbers } from '../../lab/whole-numbers.ts';
import { asCalled, writeFaults } from '../harness/faults-page.ts';
import { describeMachine } from '../harness/machine.ts';
import { figure, median, secondsText } from '../harness/measure.ts';
import { type SiegeTally, type Spell, siege } from './siege.ts';

/**
 * `npm run campaign -- siege [--clients 8] [--rounds 30] [--slow 5000] [--resets-per-minute 100000] [--addresses 50]`: writes its part
 * of docs/benchmarks/faults.md; exits with 1 when a round was not whole.
 */
export async function siegeCampaign(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      clients: { type: 'string', default: '8' },
      rounds: { type: 'string', default: '30' },
      slow: { type: 'string', default: '5000' },
      'resets-per-minute': { type: 'string', default: '100000' },
      addresses: { type: 'string', default: '50' },
    },
  });
  const { 'resets-per-minute': resetsPerMinute, ...size } = wholeNumbers(values);
  const called = asCalled(values);
  const tally = await siege({ ...size, resetsPerMinute });
  const report = reportOf(tally, size, called);
  writeFaults('Siege', report);
  console.log(report);
  process.exitCode = tally.broken.length === 0 ? 0 : 1;
}

function reportOf(tally: SiegeTally, size: Readonly<{ clients: number; addresses: number }>, called: string): string {
  const { cpu, cores, memoryGiB, node, commit } = describeMachine();
  const { before, during, after, besieged, resetsPerMinute, refused, broken } = tally;
  const row = (name: string, { rounds, comingAnew, busy, coordinatorMiB }: Spell) =>
    `| ${name} | ${rounds.length} | ${secondsText(median(rounds))} | ${secondsText(Math.max(...rounds))} | ${secondsText(median(comingAnew))} | ${secondsText(Math.max(...comingAnew))} | ${figure(busy)} | ${coordinatorMiB.toFixed(0)} |`;
  return `
Written by \`npm run campaign -- siege ${called}\`; do not edit.

A coordinator process with ${size.clients} whole clients, and somebody on the same machine who besieges its two ports from ${size.addresses} addresses of his own:
${besieged.open.toLocaleString('en')} sockets open at the end that say nothing, say their hello a byte a second, or say it and no more, each opened anew once it is cut
(${besieged.cut.toLocaleString('en')} times), and ${Math.round(resetsPerMinute).toLocaleString('en')} connections a minute that are made and reset, half of them amid their handshake.
A round takes all clusters; "coming anew" is a connection of a member from its first byte to its first answer.

| | rounds | seconds each, median | at most | coming anew, median | at most | cores of the coordinator | its RSS, MiB |
|---|---:|---:|---:|---:|---:|---:|---:|
${row('before', before)}
${row('besieged', during)}
${row('after', after)}

While besieged a round took ${figure(median(during.rounds) / median(before.rounds))} times what it took before (bar 2), besiegers, clients and coordinator on the same cores.
${broken.length === 0 ? 'Every round counted every cluster.' : broken.map((line) => `- ${line}`).join('\n')}

Connections that it did not keep: ${refused.map((line) => `\`${line}\``).join(', ')}.

${cpu}, ${cores} cores, ${memoryGiB} GiB, Node ${node}, commit ${commit}.
`;
}
