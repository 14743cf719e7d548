import { unwrap } from '../../base/fault.ts';
import { chunksOf } from '../../coordinator/testing/cluster.ts';
import { bytesOfValues } from '../../proto/layout.ts';
import type { Bench, BenchOptions } from '../harness/bench.ts';
import { startOthersMeter } from '../harness/machine.ts';
import { figure, median, secondsOf } from '../harness/measure.ts';
import { findPeers } from '../harness/peers.ts';
import type { Report } from '../harness/report.ts';
import { startBareServer } from './bare.ts';
import { Deployment, track } from './deployment.ts';

const fullD = 300_000;
const smallD = 20_000;
/** 64 MB: long enough to be a rate. */
const ingestValues = 16_000_000;
const bars = {
  roundSeconds: 0.6,
  goalSeconds: 0.2,
  firstCandidateSeconds: 10,
  rssBytes: 512 * 2 ** 20,
  restartSeconds: 2,
};

export const bench: Bench = {
  name: 'round',
  summary: 'Whole rounds over mTLS, sealed, signed, synced, Krum, no local training: seconds from open to candidate.',
  async run(options, report) {
    const { small, only } = options;
    const rows: string[][] = [];
    const d = small ? smallD : fullD;
    for (const n of small ? [5] : [20, 200]) {
      const name = `round n=${n} d=${d}`;
      if (only === undefined || name.includes(only)) {
        rows.push(await measureRounds(name, n, d, options, report));
      }
    }
    report.text(
      `One coordinator process (\`testudo coordinator\`, with its image's environment) and client processes that host several clients each, every client ` +
        `with its own certificate and connection. A round: open, invite, fetch the base model (digest checked), seal and ` +
        `sign, upload, sync, receipt (checked), close, open the seals, Krum, candidate. Bars: at most ` +
        `${bars.roundSeconds} s a round at N = 20 (goal ${bars.goalSeconds} s), ${bars.firstCandidateSeconds} s from start ` +
        `to first candidate, ${bars.rssBytes / 2 ** 20} MiB, ${bars.restartSeconds} s to ` +
        `start again on the journal. Processor time is of one round, of all threads, and the mean of all rounds: what the ` +
        `coordinator takes, and what the load does that shares the machine with it.`,
    );
    report.table(
      [
        'case',
        'round, median (best)',
        'processor time of the coordinator',
        'of the clients',
        'start to first candidate',
        'coordinator peak RSS',
        'restart',
      ],
      rows,
    );
    const ingest = `ingest d=${small ? d : ingestValues}`;
    if (only === undefined || ingest.includes(only))
      await measureIngest(ingest, small ? d : ingestValues, options, report);
    if (options.peers) await measurePeers(report);
  },
};

const mebibytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;

async function measureRounds(
  name: string,
  n: number,
  d: number,
  { small, repeat }: BenchOptions,
  report: Report,
): Promise<string[]> {
  const deployment = new Deployment();
  const others = startOthersMeter();
  try {
    await deployment.found();
    const startedAt = performance.now();
    await deployment.startCoordinator();
    const spec = { architecture: 'bench/1', hyperparameters: {}, tensors: [{ name: 'weights', shape: [d] }] };
    const f = Math.floor((n - 3) / 4);
    await deployment.putTrack(spec, bytesOfValues(new Float32Array(d)), {
      aggregation: { f, before: [], rule: { kind: 'krum' } },
      rounds: {
        goal: { kind: 'share', ofEnrolled: 1 },
        overSelection: 1,
        quorum: { kind: 'count', updates: n },
        recruitForMs: 600_000,
        collectForMs: 600_000,
      },
    });
    await deployment.startClients(n, small ? 1 : Math.min(4, Math.ceil(n / 5)), d);
    await deployment.round();
    const firstSeconds = (performance.now() - startedAt) / 1000;
    const seconds: number[] = [];
    const before = deployment.processorSeconds();
    for (let run = 0; run < Math.max(repeat, small ? 1 : 5); run += 1) seconds.push(await deployment.round());
    const after = deployment.processorSeconds();
    const coordinatorSeconds = (after.coordinator - before.coordinator) / seconds.length;
    const clientsSeconds = (after.clients - before.clients) / seconds.length;
    const memory = deployment.coordinatorMemory();
    await deployment.stopCoordinator();
    const restartAt = performance.now();
    await deployment.startCoordinator();
    const restartSeconds = (performance.now() - restartAt) / 1000;
    report.record({
      case: name,
      roundSecondsMedian: median(seconds),
      roundSecondsBest: Math.min(...seconds),
      roundSeconds: seconds,
      coordinatorProcessorSeconds: coordinatorSeconds,
      clientsProcessorSeconds: clientsSeconds,
      startToFirstCandidateSeconds: firstSeconds,
      coordinatorPeakRssBytes: memory.peakBytes,
      restartSeconds,
      journalledUpdates: n * (seconds.length + 1),
      busyCores: others(), // All processes but this one, so also the coordinator's and the clients'.
    });
    return [
      name,
      `${figure(median(seconds))} s (${figure(Math.min(...seconds))} s)`,
      `${figure(coordinatorSeconds)} s`,
      `${figure(clientsSeconds)} s`,
      `${figure(firstSeconds)} s`,
      mebibytes(memory.peakBytes),
      `${figure(restartSeconds)} s after ${n * (seconds.length + 1)} updates`,
    ];
  } finally {
    await deployment.close();
  }
}

/** One upload, from its first byte to its receipt, beside the same bytes through a bare grpc-js stream, both over mTLS. */
async function measureIngest(name: string, values: number, { repeat }: BenchOptions, report: Report): Promise<void> {
  const deployment = new Deployment();
  const bare = await startBareServer();
  const others = startOthersMeter();
  try {
    await deployment.found();
    await deployment.startCoordinator();
    const spec = { architecture: 'bench/1', hyperparameters: {}, tensors: [{ name: 'weights', shape: [values] }] };
    await deployment.putTrack(spec, bytesOfValues(new Float32Array(values)), {
      aggregation: { f: 0, before: [], rule: { kind: 'krum' } },
      rounds: { goal: { kind: 'share', ofEnrolled: 1 }, overSelection: 1, quorum: { kind: 'count', updates: 12 } },
    });
    const members = await Promise.all(Array.from({ length: 12 }, (_, at) => deployment.enrol(`cluster-${at}`)));
    for (const member of members) await member.watch([track]);
    await deployment.openRound();
    const ours: number[] = [];
    const theirs: number[] = [];
    for (const member of members.slice(0, Math.min(repeat, 10))) {
      await member.invitation();
      const { header, sealed } = await member.seal(new Float32Array(values).fill(0.01));
      const parts = [member.signed(header), ...chunksOf(sealed)];
      const megabytes = sealed.byteLength / 1e6;
      ours.push(megabytes / (await secondsOf(async () => unwrap(await member.send(parts)))));
      theirs.push(megabytes / (await secondsOf(() => bare.send(parts))));
    }
    const share = median(ours) / median(theirs);
    report.record({
      case: name,
      megabytesPerSecond: median(ours),
      bareMegabytesPerSecond: median(theirs),
      shareOfBare: share,
      runs: ours.length,
      busyCores: others(), // All processes but this one, so also the coordinator's and the clients'.
    });
    report.text(
      `## Ingest\n\nOne client, one stream, 256 KiB chunks, two processes: ${figure(median(ours))} MB/s from the first ` +
        `byte to the receipt (checked, stored, synced, journalled); a bare grpc-js stream that drops what it reads: ` +
        `${figure(median(theirs))} MB/s. That is ${figure(share * 100)} %; the bar is 60 %.`,
    );
    for (const member of members) member.close();
  } finally {
    bare.close();
    await deployment.close();
  }
}

/** Flower's and NVFlare's own deployments, as ../shared/bench/peers runs them. */
async function measurePeers(report: Report): Promise<void> {
  const runs = [
    { group: 'core', script: 'flower_rounds.py', args: ['--clients', '20', '--tls', '--auth'] },
    { group: 'core', script: 'flower_rounds.py', args: ['--clients', '20', '--stack', 'start-server'] },
    { group: 'nvflare', script: 'nvflare_rounds.py', args: ['--clients', '20'] },
  ];
  const rows: string[][] = [];
  for (const { group, script, args } of runs) {
    const { peers, missing } = findPeers(group);
    if (peers === undefined) {
      rows.push([`${script} ${args.join(' ')}`, missing ?? '', '']);
      continue;
    }
    const line = await peers.run(script, args);
    report.record({ ...line, case: `peer ${script} ${args.join(' ')}` });
    const period = line.periodSeconds as { median?: number } | undefined;
    rows.push([`${script} ${args.join(' ')}`, `${period?.median} s`, `${line.startToFirstModelSeconds} s`]);
  }
  report.table(['peer, N = 20', 'a round', 'start to first model'], rows);
}
