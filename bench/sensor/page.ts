import { figure } from '../harness/measure.ts';
import type { Report } from '../harness/report.ts';
import { keptPieces, type Piece } from './pieces.ts';

/** Bars of the work on clusters; calls by CPU time, whatever else runs here meanwhile. */
export const bars = {
  callsPerCore: 30_000,
  alertMsP99: 250,
  rssMiB: 150,
  coresAtRest: 0.03,
  bytesShare: 0.02,
  hubRssMiB: 700,
  releaseMsP99: 10_000,
};

type Figures = Piece['figures'];
/** A figure and its bar, and whether it was met. */
type Row = readonly [what: string, figure: string, bar: string, met: boolean];
type Section = Readonly<{
  case: string;
  title: string;
  text(figures: Figures): string;
  rows(figures: Figures): readonly Row[];
}>;

const of = (figures: Figures, name: string) => figures[name] as number;

const sections: readonly Section[] = [
  {
    case: 'throughput',
    title: 'Calls a second and core',
    text: (figures) =>
      `One sensor on a Unix socket that gives as fast as it takes: recorded traces as Tetragon's events, each with pod, labels, container and image, 64 processes at once. Read, put together, scored and, where normal, told: ${thousands(of(figures, 'callsPerCore'))} calls for each second of CPU time, of all its threads together; that is where a sensor with one core has to take a step down. The same stream decoded by the generated code and thrown away, bytes read as the sensor reads them: ${thousands(of(figures, 'bareGenerated'))}; received by gRPC's own client and thrown away: ${thousands(of(figures, 'bareGrpc'))}.`,
    rows: (figures) => [
      [
        'calls for each second of CPU time',
        thousands(of(figures, 'callsPerCore')),
        thousands(bars.callsPerCore),
        of(figures, 'callsPerCore') >= bars.callsPerCore,
      ],
    ],
  },
  {
    case: 'latency',
    title: 'Event to alert',
    text: (figures) =>
      `${thousands(of(figures, 'rate'))} calls a second, which is half of what it took by the wall clock, and ${of(figures, 'attacks')} processes among them that attack; ${of(figures, 'found')} alerts: each alert lifts the threshold a little. From the writing of a process's last event to its alert at the hub: median ${figure(of(figures, 'msP50'))} ms, p99 ${figure(of(figures, 'msP99'))} ms.`,
    rows: (figures) => [
      [
        'event to alert, p99',
        `${figure(of(figures, 'msP99'))} ms`,
        `${bars.alertMsP99} ms`,
        of(figures, 'msP99') <= bars.alertMsP99,
      ],
    ],
  },
  {
    case: 'rest',
    title: 'At 1,000 calls a second',
    text: (figures) =>
      `${figure(of(figures, 'calls') / of(figures, 'seconds'))} calls a second for ${figure(of(figures, 'seconds'))} s, after as many as there are contents, hub and heartbeats included.`,
    rows: (figures) => [
      [
        'of a core at 1,000 calls a second',
        `${figure(of(figures, 'cores') * 100)} %`,
        `${bars.coresAtRest * 100} %`,
        of(figures, 'cores') <= bars.coresAtRest,
      ],
    ],
  },
  {
    case: 'long',
    title: 'Memory and bytes',
    text: (figures) =>
      `${thousands(of(figures, 'events'))} events with the default model, as fast as they are taken. Resident memory: ${figure(of(figures, 'rssMiBEarly'))} MiB after a fifth of them, ${figure(of(figures, 'rssMiBLast'))} MiB at the end. Bytes: what the hub was sent, of the bytes of the events.`,
    rows: (figures) => [
      [
        'resident memory at most',
        `${figure(of(figures, 'rssMiBMax'))} MiB`,
        `${bars.rssMiB} MiB`,
        of(figures, 'rssMiBMax') <= bars.rssMiB,
      ],
      [
        'bytes to the hub',
        `${figure(of(figures, 'bytesShare') * 100)} %`,
        `${bars.bytesShare * 100} %`,
        of(figures, 'bytesShare') <= bars.bytesShare,
      ],
    ],
  },
  {
    case: 'image',
    title: 'Memory in its image',
    text: (figures) =>
      `With the memory settings of its image a sensor read ${thousands(of(figures, 'events'))} events with the default model, as fast as they were taken, and loaded ${of(figures, 'releases')} releases meanwhile: ${figure(of(figures, 'rssMiBLast'))} MiB at the end, ${figure(of(figures, 'rssMiBMax'))} MiB at its peak. What the system counts of a container beside that is not in it.`,
    rows: () => [],
  },
  {
    case: 'hub',
    title: 'Two hundred sensors on one client',
    text: (figures) =>
      `${of(figures, 'sensors')} sensors' hub sides in two processes, on the same cores as their hub, which is a process of its own: each with its certificate, its connections and its release agent, without what scores, and with its files in memory, since in a cluster each has a disk of its own. ${of(figures, 'releases')} releases of the default model, from the coordinator's push until a sensor had walked the metadata, fetched the light form, held it against its digest and swapped it on disk: median ${figure(of(figures, 'msP50'))} ms. Each tells four contents that nobody told before and its status every ten seconds meanwhile. CPU time until all had it: ${figure(of(figures, 'clientCpuSeconds'))} s of the client, ${figure(of(figures, 'herdCpuSeconds'))} s of all sensors together. The machine's load average was ${figure(of(figures, 'load'))}.`,
    rows: (figures) => [
      [
        'a release on all sensors, p99',
        `${figure(of(figures, 'msP99'))} ms`,
        `${thousands(bars.releaseMsP99)} ms`,
        of(figures, 'msP99') <= bars.releaseMsP99,
      ],
      [
        'resident memory of the client at most',
        `${figure(of(figures, 'clientRssMiBMax'))} MiB`,
        `${bars.hubRssMiB} MiB`,
        of(figures, 'clientRssMiBMax') <= bars.hubRssMiB,
      ],
    ],
  },
];

/** The page of everything that was kept; what was not measured is said too. */
export function writePage(report: Report): void {
  const kept = keptPieces();
  report.text(
    'Measured in pieces, each kept in `bench/results/sensor/` with its commit. The machine is shared: what is divided by CPU time says more than what the clock on the wall says.',
  );
  const rows = sections.flatMap((section) => {
    const piece = kept.get(section.case);
    if (piece === undefined) return [[section.title.toLowerCase(), 'not measured', '', '']];
    return section
      .rows(piece.figures)
      .map(([what, found, bar, met]) => [what, found, bar, met ? 'met' : '**not met**']);
  });
  report.table(['what', 'figure', 'bar', ''], rows);
  for (const { case: name, title, text } of sections) {
    const piece = kept.get(name);
    if (piece === undefined) continue;
    report.record({ ...piece.figures, case: name, commit: piece.commit, measuredAt: piece.measuredAt });
    report.text(
      `## ${title}\n\n${text(piece.figures)} Measured on ${piece.measuredAt.slice(0, 10)} at ${piece.commit}.`,
    );
  }
}

function thousands(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}
