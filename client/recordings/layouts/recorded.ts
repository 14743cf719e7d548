import type { FlowEnd } from '../../events/flow-record.ts';
import { type CsvHeader, portAt, textAt, timeAt } from './csv-row.ts';
import {
  type CsvFlowOptions,
  type CsvLayout,
  type CsvReader,
  checked,
  endedAfter,
  protocolOf,
  volumes,
  world,
} from './layout.ts';

/** What takes less is a call, which was written down where it began; what takes more is a connection. */
const connectionMsMin = 1_000;

/** The project's own: services of a cluster by name; its users and intruders stand outside of it. */
function recorded(header: CsvHeader, { part }: CsvFlowOptions): CsvReader {
  const at = (name: string) => header.column(name);
  const [start, duration, cluster, source, destination, port, protocol, label] = [
    at('start_s'),
    at('duration_s'),
    at('cluster'),
    at('src_service'),
    at('dst_service'),
    at('dst_port'),
    at('protocol'),
    at('family'),
  ] as const;
  const volumeOf = volumes(header, ['bytes_out', 'bytes_in', 'packets_out', 'packets_in'], duration, 1_000);
  const outside = new Set(['client', 'admin', 'ext']);
  const endOf = (name: string): FlowEnd =>
    outside.has(name) ? world : { kind: 'workload', namespace: '', workload: name };
  return (fields) => {
    if (part !== undefined && textAt(fields, cluster) !== part) return undefined;
    const [from, to] = [textAt(fields, source), textAt(fields, destination)];
    if (from === '' || to === '') return 'MISSING_ENDPOINT';
    const [atMs, volume] = [timeAt(fields, start) * 1_000, volumeOf(fields)];
    return checked({
      atMs,
      ...(volume.durationMs >= connectionMsMin && endedAfter(atMs, volume.durationMs)),
      source: endOf(from),
      destination: endOf(to),
      sourcePort: 0,
      destinationPort: portAt(fields, port),
      protocol: protocolOf(textAt(fields, protocol)),
      l7: undefined,
      volume,
      label: textAt(fields, label),
    });
  };
}

export const recordedLayout: CsvLayout = {
  needs: ['start_s', 'cluster', 'src_service', 'dst_service', 'dst_port'],
  open: recorded,
};
