import { figure, secondsText } from '../../harness/measure.ts';
import type { CaseLine, Report } from '../../harness/report.ts';
import type { UploadFigures, UploadSize } from './uploads.ts';

const common = { clients: 40, values: 300_000, rounds: 5 };
export const uploadSizes: readonly UploadSize[] = [0, 1, 2].map((doors) => ({ doors, ...common }));
/** What a leader behind doors may take for one update, seconds of the processor. */
const leaderSecondsMax = 1.2e-3;

export const uploadName = ({ doors, clients, values }: UploadSize) =>
  `${clients} updates of ${values.toLocaleString('en')} values, ${doors === 0 ? 'no door' : doors === 1 ? 'one door' : `${doors} doors`}`;
export const uploadPiece = ({ doors }: UploadSize) => `uploads-${doors}`;

export type UploadLine = CaseLine & UploadFigures & UploadSize & Readonly<{ load: number; commit: string }>;

export function uploadsPage(report: Report, lines: readonly UploadLine[], missing: readonly string[]): void {
  report.text('## Updates at doors');
  report.text(
    'PostgreSQL, a bucket, a coordinator that leads, doors or none, and clusters in two processes, each with its own certificate and connection. From the opening of a round until the last receipt every cluster ' +
      'fetches the base model, checks its digest, seals, signs and sends its update, and checks its receipt; then the round is cancelled, so that no mathematics is counted. Processor time of all threads for one ' +
      `update and its base model, the mean of all rounds but the first. Bar: ${secondsText(leaderSecondsMax)} of the leader behind doors. A core of leaders and a core of doors take as many updates a second as the table says; ` +
      'what several machines do at once was not measured: there is one here.',
  );
  if (missing.length > 0) report.text(`Not measured here: ${missing.join('; ')}.`);
  report.table(
    [
      'what',
      'leader, each update',
      'doors, each update',
      'clusters, each update',
      'updates a second for a core of the leader',
      'for a core of doors',
      'a round by the clock',
      'leader at most',
      'a door at most',
      'load average then',
      'commit',
    ],
    lines.map((line) => [
      line.case,
      secondsText(line.leaderSeconds),
      line.doors === 0 ? '–' : secondsText(line.doorSeconds),
      secondsText(line.clientSeconds),
      perSecond(line.leaderSeconds),
      line.doors === 0 ? '–' : perSecond(line.doorSeconds),
      secondsText(line.roundSeconds),
      `${figure(line.leaderMiB)} MiB`,
      line.doors === 0 ? '–' : `${figure(line.doorMiB)} MiB`,
      figure(line.load),
      line.commit,
    ]),
  );
}

const perSecond = (seconds: number) => figure(1 / seconds);
