import { parseArgs } from 'node:util';
import { wholeNumbers } from '../../lab/whole-numbers.ts';
import { writeFaults } from '../harness/faults-page.ts';
import { describeMachine } from '../harness/machine.ts';
import { type SoakTally, soak } from './soak.ts';

/**
 * `npm run campaign -- cluster soak [--minutes 180] [--kill-every-seconds 180]`: writes its part of docs/benchmarks/faults.md; exits
 * with 1 when anything was lost.
 */
export async function soakCampaign(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string', default: '180' },
      'kill-every-seconds': { type: 'string', default: '180' },
    },
  });
  const { minutes, 'kill-every-seconds': killEverySeconds } = wholeNumbers(values);
  const tally = await soak(minutes, killEverySeconds * 1_000, console.log);
  const report = soakReport(tally, `--minutes ${minutes} --kill-every-seconds ${killEverySeconds}`);
  writeFaults('Soak', report);
  console.log(report);
  process.exitCode = tally.broken.length === 0 ? 0 : 1;
}

function soakReport(
  { minutes, rounds, takeovers, receipted, looks, door, leaders, broken }: SoakTally,
  called: string,
): string {
  const { cpu, cores, memoryGiB, node, commit } = describeMachine();
  const at = (share: number) => door[Math.floor(share * (door.length - 1))];
  const rows = [0.1, 0.25, 0.5, 0.75, 1].flatMap((share) => {
    const held = at(share);
    return held === undefined ? [] : [`| ${held.minute} | ${held.rssMiB.toFixed(0)} | ${held.descriptors} |`];
  });
  const most = (of: 'rssMiB' | 'descriptors') => Math.max(...leaders.map((one) => one[of])).toFixed(0);
  return `
Written by \`npm run campaign -- cluster soak ${called}\`; do not edit.

A coordinator that leads, a standby, a door and three whole clients on a database and a bucket for ${minutes} minutes: ${rounds} rounds one after
another, the leader killed every few minutes at whatever it was at, ${takeovers} times. ${looks} times, once a minute, the bytes of every update that had ever been
receipted (${receipted} at the end) were looked for in the bucket. At the end the chain was read by another reader, and every round had counted every cluster once.

What the door held, which stood all the time; leaders, of a few minutes each, had at most ${most('rssMiB')} MiB and ${most('descriptors')} descriptors when they were killed.

| minute | RSS of the door, MiB | open descriptors |
|---:|---:|---:|
${rows.join('\n')}

${broken.length === 0 ? 'Nothing was lost, counted twice or gone.' : broken.map((line) => `- ${line}`).join('\n')}

${cpu}, ${cores} cores, ${memoryGiB} GiB, Node ${node}, commit ${commit}.
`;
}
