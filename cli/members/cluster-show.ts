import { listing, table, time } from '../../base/text/table.ts';
import {
  type Cluster,
  ClusterStatus,
  type GetClusterResponse,
  type RoundStanding,
  type TrackStanding,
  UpdateFate,
} from '../../proto/generated/testudo/v1/operator.ts';
import { wireJson } from '../json/wire-json.ts';
import { withConnection } from '../operator/connection.ts';
import { operatorCommand } from '../operator/options.ts';
import { nameOf } from '../operator/wire-text.ts';
import { print } from '../print.ts';

/** `testudo clusters show`: a member, and its record over rounds. */
export function showCommand() {
  return operatorCommand('show', 'one member, and its record in every track: weights, exclusions, what the sample says')
    .argument('<cluster>')
    .action((name, options) =>
      withConnection(options, async (connection) => {
        const answer = await connection.call(connection.client.getCluster, { name });
        print(options.json ? wireJson(answer) : textOf(answer));
      }),
    );
}

/** Whether it may take part: revoked says more than quarantined. */
export function statusText({ status, quarantined }: Cluster): string {
  if (status === ClusterStatus.CLUSTER_STATUS_REVOKED) return 'revoked';
  return quarantined ? 'quarantined' : 'enrolled';
}

function textOf({ cluster, standings }: GetClusterResponse): string {
  if (cluster === undefined) return '';
  const facts = listing({
    cluster: cluster.name,
    status: statusText(cluster),
    connected: cluster.connected ? 'yes' : 'no',
    build: cluster.build,
    enrolled: time(cluster.enrolledAtMs),
    'certificate until': time(cluster.certificateExpiresAtMs),
    labels: cluster.labels.map(({ key, value }) => `${key}=${value}`).join(','),
  });
  return [facts, ...standings.map(standingText)].join('\n\n');
}

function standingText({ track, rounds, leftOut, refused, score, weight, sampleSlope, recent }: TrackStanding): string {
  const record = listing({
    track,
    rounds: `${rounds}, ${leftOut} of them left out, ${refused} refused`,
    score: `${score.toFixed(2)} of 1`,
    'weight lately': Number.isNaN(weight) ? '' : `${number(weight)} of what one among equals has`,
    'on the sample lately': Number.isNaN(sampleSlope) ? '' : `${number(sampleSlope)} (above 0 harms)`,
  });
  const rows = table<RoundStanding>(recent, [
    { title: 'ROUND', text: ({ round }) => round },
    { title: 'FATE', text: ({ fate }) => nameOf(UpdateFate, fate, 'UPDATE_FATE_') },
    { title: 'WEIGHT', text: (row) => number(row.weight), align: 'right' },
    { title: 'ON SAMPLE', text: (row) => number(row.sampleSlope), align: 'right' },
    { title: 'LEFT OUT OF', text: ({ leftOutOf }) => leftOutOf.join(',') },
    { title: 'CODE', text: ({ code }) => code },
  ]);
  return `${record}\n\n${rows}`;
}

function number(value: number): string {
  return Number.isNaN(value) ? '' : value.toPrecision(3);
}
