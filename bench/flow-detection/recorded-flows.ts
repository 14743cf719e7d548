import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { FlowEnd, ObservedFlow } from '../../client/events/flow-record.ts';

const recordedRoot = new URL('../../data/recorded/', import.meta.url).pathname;

/** One recorded cluster's flows, by when they began; milliseconds since its start. */
export type RecordedFlows = Readonly<{
  name: string;
  flows: readonly ObservedFlow[];
  trainEndMs: number;
  attacksFromMs: number;
}>;

/** Every recorded cluster. Users and intruders are "world", as a sensor would see them. */
export function recordedFlows(): RecordedFlows[] {
  const [, ...limits] = readFileSync(`${recordedRoot}clusters.tsv`, 'utf8').trimEnd().split('\n');
  const [, ...lines] = gunzipSync(readFileSync(`${recordedRoot}flows.csv.gz`))
    .toString('utf8')
    .trimEnd()
    .split(/\r?\n/);
  const byCluster = Map.groupBy(
    lines.map((line) => line.split(',')),
    ([, , cluster]) => cluster as string,
  );
  return limits.map((line) => {
    const [name = '', trainEnd = '', attacksFrom = ''] = line.split('\t');
    const rows = (byCluster.get(name) ?? []).toSorted((a, b) => Number(a[0]) - Number(b[0]));
    return {
      name,
      flows: rows.map(flowOf),
      trainEndMs: Number(trainEnd) * 1_000,
      attacksFromMs: Number(attacksFrom) * 1_000,
    };
  });
}

function flowOf(row: readonly string[]): ObservedFlow {
  const [start, duration, , from, to, port, protocol, bytesOut, bytesIn, packetsOut, packetsIn, , family] = row;
  return {
    atMs: Number(start) * 1_000,
    node: '',
    id: '',
    source: endOf(from as string),
    destination: endOf(to as string),
    sourcePort: 0,
    destinationPort: Number(port),
    protocol: protocol === 'udp' ? 'udp' : 'tcp',
    isReply: false,
    seenAt: 'unknown',
    verdict: 'forwarded',
    l7: undefined,
    count: 1,
    volume: {
      bytesOut: Number(bytesOut),
      bytesIn: Number(bytesIn),
      packetsOut: Number(packetsOut),
      packetsIn: Number(packetsIn),
      durationMs: Number(duration) * 1_000,
    },
    ...(family !== 'normal' && { label: family as string }),
  };
}

function endOf(name: string): FlowEnd {
  return ['client', 'admin', 'ext'].includes(name)
    ? { kind: 'world', namespace: '', workload: '' }
    : { kind: 'workload', namespace: '', workload: name };
}
