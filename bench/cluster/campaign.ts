import { parseArgs } from 'node:util';
import { wholeNumbers } from '../../lab/whole-numbers.ts';
import { writeFaults } from '../harness/faults-page.ts';
import { KeptLines } from '../harness/kept-lines.ts';
import { describeMachine } from '../harness/machine.ts';
import { type Deed, type DeedTally, deeds, type History, runHistory } from './history.ts';
import { soakCampaign } from './soak-campaign.ts';
import { joined, type Takeovers, takeOver } from './takeovers.ts';

/** What one stretch of a campaign came to: all its faults were held to what must be true at its end. */
type Stretch = Readonly<
  { seconds: number; commit: string } & (
    | { part: 'history'; seed: number; tally: History }
    | { part: 'takeovers'; tally: Takeovers }
  )
>;

/** So many faults share one pair of servers, whose journal is read out and held to what was acknowledged at the end. */
const faultsPerStretch = 3 * deeds.length;

/**
 * The long form of the tests on PostgreSQL:
 * `npm run campaign -- cluster [--repetitions 1] [--faults 330] [--seed 1] [--kept FILE] [--minutes 0]`. Real servers, a real standby,
 * real coordinators. Writes its part of docs/benchmarks/faults.md; exits with 1 when anything was lost. With `--kept` each stretch is
 * kept in a file, and the next call goes on until there are as many as asked for; with `--minutes` no stretch begins after these.
 */
export async function clusterCampaign(args: readonly string[]): Promise<void> {
  if (args[0] === 'soak') return soakCampaign(args.slice(1));
  const { values } = parseArgs({
    args: [...args],
    options: {
      repetitions: { type: 'string', default: '1' },
      faults: { type: 'string', default: '330' },
      seed: { type: 'string', default: '1' },
      minutes: { type: 'string', default: '0' },
      kept: { type: 'string' },
    },
  });
  const { kept: path, ...numbers } = values;
  const { repetitions, faults, seed, minutes } = wholeNumbers(numbers);
  const kept = new KeptLines<Stretch>(path);
  const endsMs = minutes === 0 ? Number.POSITIVE_INFINITY : performance.now() + minutes * 60_000;
  const { commit } = describeMachine();
  while (performance.now() < endsMs) {
    const done = sumOf(kept.all);
    const left = faults - done.faults;
    if (left <= 0 && done.repetitions >= repetitions) break;
    const startedMs = performance.now();
    const seconds = () => Math.round((performance.now() - startedMs) / 1_000);
    // In turns, so that one that is ended early has done both.
    if (left <= 0 || (done.repetitions < repetitions && done.repetitions / repetitions < done.faults / faults)) {
      const tally = await takeOver();
      kept.add({ part: 'takeovers', tally, commit, seconds: seconds() });
    } else {
      const own = seed + done.histories;
      const tally = await runHistory(Math.min(faultsPerStretch, left), own, console.log);
      kept.add({ part: 'history', seed: own, tally, commit, seconds: seconds() });
    }
    const { broken, disturbances } = sumOf(kept.all);
    console.log(`${disturbances} faults and takeovers, ${broken.length} broken`);
  }
  const report = reportOf(kept.all, `--repetitions ${repetitions} --faults ${faults} --seed ${seed}`);
  writeFaults('On PostgreSQL', report);
  console.log(report);
  process.exitCode = sumOf(kept.all).broken.length === 0 ? 0 : 1;
}

function sumOf(stretches: readonly Stretch[]) {
  const byDeed = Object.fromEntries(deeds.map((deed) => [deed, { count: 0, stale: 0, msMax: 0 }])) as Record<
    Deed,
    DeedTally
  >;
  let acknowledged = 0;
  let histories = 0;
  let repetitions = 0;
  let takeovers: Takeovers = { byStep: {}, rounds: 0, receipts: 0, broken: [] };
  const broken: string[] = [];
  for (const stretch of stretches) {
    if (stretch.part === 'takeovers') {
      repetitions++;
      takeovers = joined(takeovers, stretch.tally);
      continue;
    }
    histories++;
    addHistory(byDeed, stretch.tally);
    acknowledged += stretch.tally.acknowledged;
    broken.push(...stretch.tally.broken.map((line) => `seed ${stretch.seed}: ${line}`));
  }
  broken.push(...takeovers.broken);
  const faults = Object.values(byDeed).reduce((sum, { count }) => sum + count, 0);
  const steps = Object.values(takeovers.byStep).reduce((sum, { SIGKILL, SIGSTOP }) => sum + SIGKILL + SIGSTOP, 0);
  return { byDeed, acknowledged, histories, repetitions, takeovers, broken, faults, disturbances: faults + steps };
}

function addHistory(sum: Record<Deed, DeedTally>, { byDeed }: History): void {
  for (const deed of deeds) {
    sum[deed].count += byDeed[deed].count;
    sum[deed].stale += byDeed[deed].stale;
    sum[deed].msMax = Math.max(sum[deed].msMax, byDeed[deed].msMax);
  }
}

function reportOf(stretches: readonly Stretch[], called: string): string {
  const { cpu, cores, memoryGiB, node } = describeMachine();
  const { byDeed, acknowledged, takeovers, broken, disturbances } = sumOf(stretches);
  const rows = deeds.map((deed) => {
    const { count, stale, msMax } = byDeed[deed];
    return `| ${deed} | ${count} | ${stale === 0 ? '' : stale} | ${(msMax / 1_000).toFixed(1)} |`;
  });
  const steps = Object.entries(takeovers.byStep).map(
    ([step, { SIGKILL, SIGSTOP, stale, ...seconds }]) =>
      `| \`${step}\` | ${SIGKILL} | ${SIGSTOP} | ${stale} | ${[seconds.noticedMax, seconds.followedMax, seconds.secondsMax].map((most) => most.toFixed(1)).join(' | ')} |`,
  );
  const seconds = stretches.reduce((sum, stretch) => sum + stretch.seconds, 0);
  const seeds = stretches.flatMap((stretch) => (stretch.part === 'history' ? [stretch.seed] : []));
  const commits = [...new Set(stretches.map(({ commit }) => commit))].join(', ');
  return `
Written by \`npm run campaign -- cluster ${called}\`; do not edit. ${disturbances} faults and takeovers.

A primary with a synchronous standby; one process after another appends to the journal over a line that can be cut, and one fault
after another happens at a moment of the seed's choice. A successor takes over after a lease of 1.5 s without a beat. At the end
the rows are read by another reader: the chain holds, and every entry that a writer ever heard of is there, once, the same.
${acknowledged} entries were acknowledged, in histories of the seeds ${seeds.toSorted((one, other) => one - other).join(', ')}.

| fault | times | ended by the fence | seconds until the next acknowledged entry, at most |
|---|---:|---:|---:|
${rows.join('\n')}

Whole coordinators on a database and a shared folder of bytes, each with a standby beside it that reads along, and the lease that
is set where nobody sets another, 4 s: killed at every named step; and stopped at every named step, and woken once the other has
finished the round. ${takeovers.rounds} rounds and ${takeovers.receipts} receipts were held to an undisturbed run as below.

| step | killed | stopped | ended by the fence | seconds until it is noticed, at most | then until the other's first entry | both |
|---|---:|---:|---:|---:|---:|---:|
${steps.join('\n')}

${broken.length === 0 ? 'Nothing was lost, counted twice or different.' : broken.map((line) => `- ${line}`).join('\n')}

${cpu}, ${cores} cores, ${memoryGiB} GiB, Node ${node}, commit ${commits}; ${Math.round(seconds)} s.
`;
}
