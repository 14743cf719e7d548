import { table, time } from '../../base/text/table.ts';
import {
  type Attention,
  type ClusterState,
  type ClusterTrack,
  type CoordinatorStatus,
  type GetStatusResponse,
  QueueStatus,
  Severity,
  type TrackStatus,
} from '../../proto/generated/testudo/v1/operator_status.ts';
import { nameOf } from '../operator/wire-text.ts';

/** For a screen: what wants attention comes last, where the eye rests. */
export function statusText({ coordinator, tracks, clusters, attention, attentionCount }: GetStatusResponse): string {
  const rows = clusters.flatMap((cluster) =>
    (cluster.tracks.length === 0 ? [undefined] : cluster.tracks).map((track) => ({ cluster, track })),
  );
  const parts = [
    coordinator === undefined ? '' : coordinatorText(coordinator),
    tracks.length === 0 ? 'no tracks: `testudo tracks put` makes one' : trackTable(tracks),
    rows.length === 0 ? 'no clusters: `testudo tokens create NAME` lets one in' : clusterTable(rows),
    attentionText(attention, attentionCount),
  ];
  return parts.join('\n\n');
}

function coordinatorText(at: CoordinatorStatus): string {
  const queues = {
    [QueueStatus.QUEUE_STATUS_REDIS]: `Redis, ${at.workerCount ?? 0} ${at.workerCount === 1 ? 'worker' : 'workers'}`,
    [QueueStatus.QUEUE_STATUS_REDIS_AWAY]: 'Redis DOES NOT ANSWER',
  } as Readonly<Record<number, string>>;
  const facts = [
    `${at.connectedCount} of ${at.enrolledCount} clusters connected`,
    `${bytesText(Number(at.freeBytes))} free`,
    queues[at.queue] ?? 'no Redis',
    `journal ${at.sequence}`,
    at.build,
    time(at.atMs),
  ];
  return `${at.federation}: ${facts.join(', ')}`;
}

function trackTable(tracks: readonly TrackStatus[]): string {
  return table<TrackStatus>(tracks, [
    { title: 'TRACK', text: ({ track }) => track },
    { title: 'STABLE', text: ({ stable }) => version(stable), align: 'right' },
    { title: 'CANARY', text: ({ canary }) => version(canary), align: 'right' },
    { title: 'HEAD', text: ({ head }) => String(head), align: 'right' },
    { title: 'FLOOR', text: ({ floor }) => String(floor), align: 'right' },
    { title: 'NEWEST MODEL', text: ({ newestAtMs }) => time(newestAtMs) },
    { title: 'OPEN ROUND', text: openText },
    { title: 'NEXT ROUND', text: nextText },
    { title: 'LAST ROUND', text: lastText },
  ]);
}

function openText({ openRound, acceptedCount, quorumCount, closesAtMs }: TrackStatus): string {
  if (openRound === '') return '';
  const until = closesAtMs === 0n ? '' : `, until ${time(closesAtMs)}`;
  return `${openRound} (${acceptedCount} of ${quorumCount || '?'} needed${until})`;
}

function nextText({ nextRoundAtMs, heldBecause }: TrackStatus): string {
  if (nextRoundAtMs === 0n) return 'no schedule';
  return heldBecause === '' ? time(nextRoundAtMs) : `${time(nextRoundAtMs)}, ${words(heldBecause)}`;
}

function lastText({ lastRound, lastAbandonedBecause }: TrackStatus): string {
  if (lastRound === '') return '';
  return lastAbandonedBecause === '' ? `${lastRound} gave a model` : `${lastRound} ${words(lastAbandonedBecause)}`;
}

type Row = Readonly<{ cluster: ClusterState; track: ClusterTrack | undefined }>;

function clusterTable(rows: readonly Row[]): string {
  return table<Row>(rows, [
    { title: 'CLUSTER', text: ({ cluster }) => cluster.name },
    { title: 'HERE', text: ({ cluster }) => hereText(cluster) },
    { title: 'CERTIFICATE UNTIL', text: ({ cluster }) => time(cluster.certificateExpiresAtMs) },
    { title: 'SENSORS', text: ({ cluster }) => sensorsText(cluster) },
    { title: 'TRACK', text: ({ track }) => track?.track ?? '' },
    { title: 'RUNS', text: ({ track }) => runsText(track), align: 'right' },
    { title: 'BY', text: ({ track }) => track?.because ?? '' },
    { title: 'LAST DELIVERY', text: ({ track }) => time(track?.lastDeliveryAtMs ?? 0) },
    { title: 'ALERTS (24 H)', text: ({ track }) => alertsText(track) },
    { title: 'EXCLUDED IN', text: ({ track }) => track?.excludedIn ?? '' },
    { title: 'RECORD', text: ({ track }) => track?.score?.toFixed(2) ?? '', align: 'right' },
    { title: 'SUGGESTED', text: ({ track }) => track?.suggestion ?? '' },
  ]);
}

const familiesShown = 4;
const familyCharacters = 24;

/** The commonest alone: a cluster that lies may name many families, and long ones, and everybody's row is as wide as its. */
function alertsText(row: ClusterTrack | undefined): string {
  const alerts = row?.alerts ?? [];
  const shown = alerts.slice(0, familiesShown).map(({ family, count }) => `${count} ${shortened(family)}`);
  return [...shown, ...(alerts.length > familiesShown ? ['…'] : [])].join(', ');
}

function shortened(family: string): string {
  return family.length <= familyCharacters ? family : `${family.slice(0, familyCharacters - 1)}…`;
}

function sensorsText({ sensors }: ClusterState): string {
  if (sensors === undefined) return '';
  const { count, ...strained } = sensors;
  const parts = Object.entries(strained).flatMap(([name, number]) => (number === 0 ? [] : [`${number} ${name}`]));
  return parts.length === 0 ? String(count) : `${count} (${parts.join(', ')})`;
}

function hereText({ connected, quarantined }: ClusterState): string {
  return [connected ? 'yes' : 'NO', ...(quarantined ? ['quarantined'] : [])].join(', ');
}

/** What scores, and beside it what shall where that is another version. */
function runsText(row: ClusterTrack | undefined): string {
  if (row === undefined) return '';
  const { live, wanted, shadow, refusedCode } = row;
  const shall = wanted === live ? '' : ` -> ${version(wanted)}`;
  const beside = shadow === undefined ? '' : ` (shadow ${shadow})`;
  return `${version(live)}${shall}${beside}${refusedCode === '' ? '' : ` ${refusedCode}`}`;
}

function attentionText(attention: readonly Attention[], count: number): string {
  if (count === 0) return 'nothing wants attention';
  const lines = attention.map(({ severity, code, track, cluster, text: sentence, atMs }) => {
    const where = [cluster, track].filter((name) => name !== '').join('/');
    const at = atMs === 0n ? '' : ` [${time(atMs)}]`;
    return `${nameOf(Severity, severity, 'SEVERITY_').padEnd(8)}  ${code}${where === '' ? '' : ` ${where}`}: ${sentence}${at}`;
  });
  return [...lines, ...(count > attention.length ? [`… ${count} in all`] : [])].join('\n');
}

function version(number: bigint | undefined): string {
  return number === undefined ? '-' : String(number);
}

function words(code: string): string {
  return code.toLowerCase().replaceAll('_', ' ');
}

function bytesText(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  const step = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${(bytes / 2 ** (10 * step)).toFixed(step === 0 ? 0 : 1)} ${units[step]}`;
}
