import { type CsvHeader, textAt, timeAt } from './csv-row.ts';
import { addressed, type CsvFlowOptions, type CsvLayout, type CsvReader, protocolOf, volumes } from './layout.ts';

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
    const atMs = timeAt(fields, time) * 1_000;
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

export const otrfLayout: CsvLayout = {
  needs: ['capture', 'start_epoch', 'src_ip', 'dst_ip', 'fwd_bytes'],
  open: otrf,
};
