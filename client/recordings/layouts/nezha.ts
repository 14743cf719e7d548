import type { FlowEnd, FlowL7 } from '../../events/flow-record.ts';
import { grpcCall, httpCall } from '../api-call.ts';
import { workloadOfPod } from '../end-of-pod.ts';
import { isGrpcPath } from '../route-template.ts';
import { type CsvHeader, numberAt, textAt, timeAt } from './csv-row.ts';
import { type CsvFlowOptions, type CsvLayout, type CsvReader, checked, world } from './layout.ts';

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
      atMs: timeAt(fields, time) / 1_000,
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
      atMs: timeAt(fields, time) * 1_000,
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

export const nezhaLayouts: readonly CsvLayout[] = [
  { needs: ['app', 'start_epoch_us', 'src_pod', 'dst_pod', 'operation'], open: nezhaCalls },
  { needs: ['app', 'first_epoch_s', 'src_service', 'dst_service', 'calls'], open: nezhaEdges },
];
