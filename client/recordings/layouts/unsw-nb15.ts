import { type CsvHeader, textAt, timeAt } from './csv-row.ts';
import {
  addressed,
  type CsvFlowOptions,
  type CsvLayout,
  type CsvReader,
  checked,
  normalLabel,
  protocolOf,
  unknown,
  volumes,
} from './layout.ts';

/** The files with addresses. */
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
      atMs: timeAt(fields, time) * 1_000,
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

export const unswLayouts: readonly CsvLayout[] = [
  { needs: ['srcip', 'sport', 'dstip', 'dsport', 'Stime'], open: unsw },
  { needs: ['dur', 'proto', 'service', 'spkts', 'sbytes', 'ct_srv_src'], open: unswFeatures },
];
