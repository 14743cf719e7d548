import { httpCall } from '../api-call.ts';
import { type CsvHeader, textAt } from './csv-row.ts';
import { type CsvFlowOptions, type CsvLayout, type CsvReader, checked } from './layout.ts';

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

export const microsecendLayout: CsvLayout = { needs: ['app', 'src', 'dst', 'stereotypes'], open: microsecend };
