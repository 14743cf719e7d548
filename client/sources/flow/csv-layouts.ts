import type { AddressBook } from './address-book.ts';
import { grpcCall, httpCall } from './api-call.ts';
import { type CsvHeader, numberAt, textAt } from './csv-row.ts';
import { workloadOfPod } from './end-of-pod.ts';
import type { FlowEnd, FlowL7, FlowProtocol, FlowSkipReason, FlowVolume, ObservedFlow } from './flow-record.ts';
import { isGrpcPath } from './route-template.ts';

export type CsvFlowOptions = Readonly<{
  addresses: AddressBook;
  /** Only rows of this cluster (recorded flows) or application (Nezha, microSecEnD), where a file holds several. */
  part?: string | undefined;
}>;

type Row = ObservedFlow | FlowSkipReason | undefined;
/** Reads the rows under one header; undefined: a row of another part. */
export type CsvReader = (fields: readonly string[]) => Row;

type Layout = Readonly<{
  name: string;
  /** Columns that tell the layout. */
  needs: readonly string[];
  open(header: CsvHeader, options: CsvFlowOptions): CsvReader;
}>;

const world: FlowEnd = { kind: 'world', namespace: '', workload: '' };
const unknown: FlowEnd = { kind: 'unknown', namespace: '', workload: '' };

/** The layouts that are known, the more particular first. */
export const csvLayouts: readonly Layout[] = [
  {
    name: 'recorded',
    needs: ['start_s', 'cluster', 'src_service', 'dst_service', 'dst_port'],
    open: recorded,
  },
  { name: 'unsw-nb15', needs: ['srcip', 'sport', 'dstip', 'dsport', 'Stime'], open: unsw },
  {
    name: 'unsw-nb15-features',
    needs: ['dur', 'proto', 'service', 'spkts', 'sbytes', 'ct_srv_src'],
    open: unswFeatures,
  },
  { name: 'otrf', needs: ['capture', 'start_epoch', 'src_ip', 'dst_ip', 'fwd_bytes'], open: otrf },
  { name: 'nezha-calls', needs: ['app', 'start_epoch_us', 'src_pod', 'dst_pod', 'operation'], open: nezhaCalls },
  { name: 'nezha-edges', needs: ['app', 'first_epoch_s', 'src_service', 'dst_service', 'calls'], open: nezhaEdges },
  { name: 'microsecend', needs: ['app', 'src', 'dst', 'stereotypes'], open: microsecend },
  { name: 'cicflowmeter', needs: ['Src IP', 'Dst IP', 'Dst Port', 'Timestamp'], open: cicFlowMeter },
  { name: 'cicflowmeter', needs: ['Source IP', 'Destination IP', 'Destination Port', 'Timestamp'], open: cicFlowMeter },
];

const protocolNames: Readonly<Record<string, FlowProtocol>> = {
  tcp: 'tcp',
  udp: 'udp',
  icmp: 'icmp',
  'ipv6-icmp': 'icmp',
  icmp6: 'icmp',
  '6': 'tcp',
  '17': 'udp',
  '1': 'icmp',
  '58': 'icmp',
};

function protocolOf(text: string): FlowProtocol {
  return protocolNames[text.toLowerCase()] ?? 'other';
}

const plain = { node: '', id: '', isReply: false, seenAt: 'unknown', verdict: 'forwarded', count: 1 } as const;

function checked(flow: Omit<ObservedFlow, keyof typeof plain> & Partial<ObservedFlow>): ObservedFlow | FlowSkipReason {
  const { sourcePort, destinationPort, atMs, volume, count = 1 } = flow;
  if (!Number.isFinite(atMs)) return 'BAD_TIME';
  if (!isPort(sourcePort) || !isPort(destinationPort) || !isAmount(count) || count < 1) return 'BAD_FIELD';
  if (volume !== undefined && !Object.values(volume).every(isAmount)) return 'BAD_FIELD';
  return { ...plain, ...flow };
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 0 && port <= 65_535;
}

function isAmount(value: number): boolean {
  return Number.isFinite(value) && value >= 0;
}

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
    return checked({
      atMs: numberAt(fields, start) * 1_000,
      source: endOf(from),
      destination: endOf(to),
      sourcePort: 0,
      destinationPort: numberAt(fields, port),
      protocol: protocolOf(textAt(fields, protocol)),
      l7: undefined,
      volume: volumeOf(fields),
      label: textAt(fields, label),
    });
  };
}

/** Columns of bytes and packets out and in, and of a duration in units of `unitMs`. */
function volumes(header: CsvHeader, names: readonly string[], duration: number, unitMs: number) {
  const [bytesOut = -1, bytesIn = -1, packetsOut = -1, packetsIn = -1] = names.map((name) => header.column(name));
  return (fields: readonly string[]): FlowVolume => ({
    bytesOut: numberAt(fields, bytesOut),
    bytesIn: numberAt(fields, bytesIn),
    packetsOut: numberAt(fields, packetsOut),
    packetsIn: numberAt(fields, packetsIn),
    // CICFlowMeter subtracts clocks: an inverted flow has a negative duration.
    durationMs: Math.max(0, numberAt(fields, duration) * unitMs),
  });
}

type AddressColumns = Readonly<{ source: number; sourcePort: number; destination: number; destinationPort: number }>;

/** A flow between addresses. */
function addressed(
  fields: readonly string[],
  { source, sourcePort, destination, destinationPort }: AddressColumns,
  addresses: AddressBook,
  rest: Pick<ObservedFlow, 'atMs' | 'protocol' | 'volume'> & Partial<ObservedFlow>,
): Row {
  const [from, to] = [textAt(fields, source), textAt(fields, destination)];
  if (from === '' || to === '') return 'MISSING_ENDPOINT';
  const [sourceEnd, destinationEnd] = [addresses.endOf(from), addresses.endOf(to)];
  if (sourceEnd === undefined || destinationEnd === undefined) return 'BAD_FIELD';
  return checked({
    source: sourceEnd,
    destination: destinationEnd,
    sourcePort: numberAt(fields, sourcePort),
    destinationPort: numberAt(fields, destinationPort),
    l7: undefined,
    ...rest,
  });
}

/** CICFlowMeter, in its spellings of 2017 and since: durations in microseconds, times in UTC. */
function cicFlowMeter(header: CsvHeader, { addresses }: CsvFlowOptions): CsvReader {
  const columns = {
    source: header.column('Src IP', 'Source IP'),
    sourcePort: header.column('Src Port', 'Source Port'),
    destination: header.column('Dst IP', 'Destination IP'),
    destinationPort: header.column('Dst Port', 'Destination Port'),
  };
  const protocol = header.column('Protocol');
  const time = header.column('Timestamp');
  const label = header.column('Scenario', 'Label');
  const first = (...names: string[]) => header.names[header.column(...names)] ?? '';
  const volumeOf = volumes(
    header,
    [
      first('Total Length of Fwd Packet', 'Total Length of Fwd Packets', 'TotLen Fwd Pkts'),
      first('Total Length of Bwd Packet', 'Total Length of Bwd Packets', 'TotLen Bwd Pkts'),
      first('Total Fwd Packet', 'Total Fwd Packets', 'Tot Fwd Pkts'),
      first('Total Bwd packets', 'Total Backward Packets', 'Tot Bwd Pkts'),
    ],
    header.column('Flow Duration'),
    1e-3,
  );
  return (fields) =>
    addressed(fields, columns, addresses, {
      atMs: timeOf(textAt(fields, time)),
      protocol: protocolOf(textAt(fields, protocol)),
      volume: volumeOf(fields),
      label: normalLabel(textAt(fields, label)),
    });
}

/** "2023-03-09 01:01:19.073584" and "05/07/2017 08:42:07 AM" (day first), both as UTC. */
function timeOf(text: string): number {
  const dayFirst = /^(\d{1,2})\/(\d{1,2})\/(\d{4}) (\d{1,2}):(\d{2})(?::(\d{2}))?(?: ([AP])M)?$/i.exec(text);
  if (dayFirst === null) return Date.parse(`${text.replace(' ', 'T')}Z`);
  const [day, month, year, hour, minute, second] = dayFirst.slice(1, 7).map((digits) => Number(digits ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const half = dayFirst[7]?.toUpperCase();
  const hours = half === undefined ? hour : (hour % 12) + (half === 'P' ? 12 : 0);
  return Date.UTC(year, month - 1, day, hours, minute, second);
}

function normalLabel(text: string): string {
  return /^(?:|-|0|benign|normal)$/i.test(text) ? 'normal' : text;
}

function unsw(header: CsvHeader, { addresses }: CsvFlowOptions): CsvReader {
  const columns = {
    source: header.column('srcip'),
    sourcePort: header.column('sport'),
    destination: header.column('dstip'),
    destinationPort: header.column('dsport'),
  };
  const [protocol, time, label] = [header.column('proto'), header.column('Stime'), header.column('attack_cat')];
  const volumeOf = volumes(header, ['sbytes', 'dbytes', 'Spkts', 'Dpkts'], header.column('dur'), 1_000);
  return (fields) =>
    addressed(fields, columns, addresses, {
      atMs: textAt(fields, time) === '' ? Number.NaN : numberAt(fields, time) * 1_000,
      protocol: protocolOf(textAt(fields, protocol)),
      volume: volumeOf(fields),
      label: normalLabel(textAt(fields, label)),
    });
}

/** Ports of the services that UNSW-NB15's partition names instead. */
const servicePorts: Readonly<Record<string, number>> = {
  dns: 53,
  http: 80,
  smtp: 25,
  ftp: 21,
  'ftp-data': 20,
  pop3: 110,
  ssh: 22,
  ssl: 443,
  snmp: 161,
  dhcp: 67,
  radius: 1812,
  irc: 6667,
};

/** The partition without addresses and times: amounts between unknown ends, a millisecond apart as they are listed. */
function unswFeatures(header: CsvHeader): CsvReader {
  const [protocol, service, label] = [header.column('proto'), header.column('service'), header.column('attack_cat')];
  const volumeOf = volumes(header, ['sbytes', 'dbytes', 'spkts', 'dpkts'], header.column('dur'), 1_000);
  let row = 0;
  return (fields) =>
    checked({
      atMs: row++,
      source: unknown,
      destination: unknown,
      sourcePort: 0,
      destinationPort: servicePorts[textAt(fields, service)] ?? 0,
      protocol: protocolOf(textAt(fields, protocol)),
      l7: undefined,
      volume: volumeOf(fields),
      label: normalLabel(textAt(fields, label)),
    });
}

/** Packet captures as flows. Two sensors saw some of them twice: the id is the flow's and not the sensor's. */
function otrf(header: CsvHeader, { addresses, part }: CsvFlowOptions): CsvReader {
  const columns = {
    source: header.column('src_ip'),
    sourcePort: header.column('src_port'),
    destination: header.column('dst_ip'),
    destinationPort: header.column('dst_port'),
  };
  const at = (name: string) => header.column(name);
  const [capture, sensor, time, protocol, label] = [
    at('capture'),
    at('sensor'),
    at('start_epoch'),
    at('proto'),
    at('label'),
  ];
  const volumeOf = volumes(header, ['fwd_bytes', 'bwd_bytes', 'fwd_pkts', 'bwd_pkts'], at('duration_s'), 1_000);
  return (fields) => {
    const name = textAt(fields, capture);
    if (part !== undefined && name !== part) return undefined;
    const atMs = textAt(fields, time) === '' ? Number.NaN : numberAt(fields, time) * 1_000;
    const sockets = Object.values(columns).map((column) => textAt(fields, column));
    return addressed(fields, columns, addresses, {
      atMs,
      node: textAt(fields, sensor),
      // The sensors' clocks agree to well under a second; a port is not used again within a minute.
      id: `${name} ${sockets.join(' ')} ${Math.round(atMs / 60_000)}`,
      protocol: protocolOf(textAt(fields, protocol)),
      volume: volumeOf(fields),
      label: textAt(fields, label) === 'other' ? 'normal' : textAt(fields, label),
    });
  };
}

/** Spans whose parent ran in another pod: one call each. */
function nezhaCalls(header: CsvHeader, { part }: CsvFlowOptions): CsvReader {
  const at = (name: string) => header.column(name);
  const [app, time, source, destination, operation] = [
    at('app'),
    at('start_epoch_us'),
    at('src_pod'),
    at('dst_pod'),
    at('operation'),
  ] as const;
  return (fields) => {
    const namespace = textAt(fields, app);
    if (part !== undefined && namespace !== part) return undefined;
    const [from, to] = [textAt(fields, source), textAt(fields, destination)];
    if (from === '' || to === '') return 'MISSING_ENDPOINT';
    return checked({
      atMs: textAt(fields, time) === '' ? Number.NaN : numberAt(fields, time) / 1_000,
      source: podOrIngress(namespace, from),
      destination: podOrIngress(namespace, to),
      sourcePort: 0,
      destinationPort: 0,
      protocol: 'tcp',
      l7: operationOf(textAt(fields, operation)),
      volume: undefined,
    });
  };
}

/** OpenTelemetry names a span by its gRPC method, by its route, or by whatever its author liked. */
function operationOf(operation: string): FlowL7 | undefined {
  if (isGrpcPath(operation)) return grpcCall('exchange', `/${operation.replace(/^\//, '')}`, 'none');
  return operation.startsWith('/') ? httpCall('exchange', '', operation, 0) : undefined;
}

/** Calls per minute and pair of pods. */
function nezhaEdges(header: CsvHeader, { part }: CsvFlowOptions): CsvReader {
  const at = (name: string) => header.column(name);
  const [app, time, source, destination, calls] = [
    at('app'),
    at('first_epoch_s'),
    at('src_pod'),
    at('dst_pod'),
    at('calls'),
  ] as const;
  return (fields) => {
    const namespace = textAt(fields, app);
    if (part !== undefined && namespace !== part) return undefined;
    const [from, to] = [textAt(fields, source), textAt(fields, destination)];
    if (from === '' || to === '') return 'MISSING_ENDPOINT';
    return checked({
      atMs: textAt(fields, time) === '' ? Number.NaN : numberAt(fields, time) * 1_000,
      source: podOrIngress(namespace, from),
      destination: podOrIngress(namespace, to),
      sourcePort: 0,
      destinationPort: 0,
      protocol: 'tcp',
      l7: undefined,
      count: numberAt(fields, calls),
      volume: undefined,
    });
  };
}

function podOrIngress(namespace: string, pod: string): FlowEnd {
  return pod === 'ingress' ? world : { kind: 'workload', namespace, workload: workloadOfPod(pod) };
}

/** Drawn topologies: each information flow once, at time 0. */
function microsecend(header: CsvHeader, { part }: CsvFlowOptions): CsvReader {
  const [app, source, destination, stereotypes] = ['app', 'src', 'dst', 'stereotypes'].map((name) =>
    header.column(name),
  ) as [number, number, number, number];
  return (fields) => {
    const namespace = textAt(fields, app);
    if (part !== undefined && namespace !== part) return undefined;
    const [from, to] = [textAt(fields, source), textAt(fields, destination)];
    if (from === '' || to === '') return 'MISSING_ENDPOINT';
    const isHttp = textAt(fields, stereotypes).split('|').includes('restful_http');
    return checked({
      atMs: 0,
      source: { kind: 'workload', namespace, workload: from },
      destination: { kind: 'workload', namespace, workload: to },
      sourcePort: 0,
      destinationPort: 0,
      protocol: 'tcp',
      l7: isHttp ? httpCall('exchange', '', '/', 0) : undefined,
      volume: undefined,
    });
  };
}
