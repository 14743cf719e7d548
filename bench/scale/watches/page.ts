import { figure, secondsText } from '../../harness/measure.ts';
import type { CaseLine, Report } from '../../harness/report.ts';
import { leaseSeconds } from '../crowd-federation.ts';
import type { WatchFigures, WatchSize } from './watches.ts';

/** The largest is the one that the federation is built for; what a shared machine has room and time for is measured, too. */
export const watchSizes: readonly WatchSize[] = [
  { clients: 1_000, processes: 1 },
  { clients: 3_000, processes: 2 },
  { clients: 10_000, processes: 4 },
];

export const watchName = ({ clients }: WatchSize) => `${clients.toLocaleString('en')} watches at a door`;
export const watchPiece = ({ clients }: WatchSize) => `watches-${clients}`;

export type WatchLine = CaseLine & WatchFigures & WatchSize & Readonly<{ load: number; commit: string }>;

export function watchesPage(report: Report, lines: readonly WatchLine[], missing: readonly string[]): void {
  report.text('## Watches at a door');
  report.text(
    'PostgreSQL, a bucket, a coordinator that leads and one that stands by, a door, and clients in processes of their own, each with its own certificate, connection (mutual TLS 1.3, HTTP/2) and ' +
      'pauses between attempts (full jitter, 1 s to 60 s, as nobody sets them); all on one machine, all of the crowd from one address. Amid an open round the leader is killed, then the door is killed and ' +
      'started again, then it is revoked and another takes all. Each time every client watches again and has its round’s invitation, once: a second one to any of them ends the benchmark. Seconds count from the deed until the invitation had come. ' +
      `The standby waits ${leaseSeconds} s for a sign of life, where 4 are set unless somebody sets others: among so many clients on its own machine a leader may be late. A load average far above the number of cores says that others worked on the machine, too.`,
  );
  if (missing.length > 0) report.text(`Not measured here: ${missing.join('; ')}.`);
  report.table(
    [
      'what',
      'memory of the door, a watch',
      'door at most',
      'leader',
      'connections that a door did not keep',
      'load average then',
      'commit',
    ],
    lines.map((line) => [
      line.case,
      `${figure(line.kibibytesEach)} KiB`,
      `${figure(line.doorPeakMiB)} MiB`,
      `${figure(line.leaderMiB)} MiB`,
      line.refused.length === 0 ? 'none' : line.refused.join('; '),
      figure(line.load),
      line.commit,
    ]),
  );
  report.table(
    [
      'watches',
      'what came over them',
      'until half had their invitation',
      '99 %',
      'all',
      'streams that ended',
      'processor time of the door',
      'of the leader',
    ],
    lines.flatMap(({ clients, phases }) =>
      phases.map(({ what, seconds, ended, doorSeconds, leaderSeconds }) => [
        ...[clients.toLocaleString('en'), what],
        ...[seconds.half, seconds.most, seconds.all].map(secondsText),
        ended.toLocaleString('en'),
        ...[doorSeconds, leaderSeconds].map(secondsText),
      ]),
    ),
  );
}
