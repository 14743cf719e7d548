import type { ApiRequest } from '../../events/api-request.ts';
import type { FlowEnd } from '../../events/flow-record.ts';
import { httpCall } from '../api-call.ts';
import { type CsvHeader, numberAt, textAt, timeAt } from './csv-row.ts';
import { type CsvFlowOptions, type CsvLayout, type CsvReader, checked, normalLabel, unknown, world } from './layout.ts';

/** What the attacker does as anyone would, before the attack: neither normal nor an attack to be found. */
export const preparationLabel = 'preparation';

/** The recorded times count from here. */
const recordedFromMs = Date.UTC(2026, 10, 2);

/** The project's own access lines of services (data/api/README.md). */
function recorded(header: CsvHeader, { part }: CsvFlowOptions): CsvReader {
  const at = (name: string) => header.column(name);
  const [t, cluster, method, path, status, received, sent, duration] = [
    at('t'),
    at('cluster'),
    at('method'),
    at('path'),
    at('response_code'),
    at('bytes_received'),
    at('bytes_sent'),
    at('duration'),
  ] as const;
  const [requestId, from, to, version, auth, issuer] = [
    at('request_id'),
    at('downstream_service'),
    at('upstream_service'),
    at('upstream_version'),
    at('auth'),
    at('issuer'),
  ] as const;
  const [subject, source, network, fields] = [at('subject'), at('source'), at('source_net'), at('body_fields')];
  const [label, attack, stage, phase, reporter] = [
    at('label'),
    at('attack'),
    at('stage'),
    at('phase'),
    at('reporter'),
  ] as const;
  // "bank", "bank/test", "bank/train,validation", "test".
  const wanted = (part ?? '').split('/').map((one) => one.split(','));
  const isWanted = (name: string, stage: string) =>
    part === undefined || wanted.every((some) => some.includes(name) || some.includes(stage));
  return (row) => {
    const where = textAt(row, cluster);
    if (!isWanted(where, textAt(row, phase))) return undefined;
    const request: ApiRequest = {
      target: textAt(row, path),
      status: numberAt(row, status),
      requestId: said(row, requestId),
      version: said(row, version),
      auth: said(row, auth),
      issuer: said(row, issuer),
      subject: said(row, subject),
      source: said(row, source),
      network: said(row, network),
      fields: textAt(row, fields) === '' ? [] : textAt(row, fields).split(' '),
      bytesReceived: numberAt(row, received),
      bytesSent: numberAt(row, sent),
    };
    const atMs = recordedFromMs + Math.round(timeAt(row, t) * 1_000);
    const isOutbound = textAt(row, reporter) === 'outbound';
    return checked({
      atMs,
      source: endOf(said(row, from), where),
      destination: isOutbound ? { ...world, workload: said(row, to) } : endOf(said(row, to), where),
      sourcePort: 0,
      destinationPort: 8080,
      protocol: 'tcp',
      seenAt: isOutbound ? 'client' : 'server',
      l7: httpCall('exchange', textAt(row, method), request.target, request.status),
      request,
      volume: {
        bytesOut: request.bytesReceived,
        bytesIn: request.bytesSent,
        packetsOut: 0,
        packetsIn: 0,
        durationMs: numberAt(row, duration),
      },
      label: textAt(row, stage) === 'prep' ? preparationLabel : textAt(row, attack) || normalLabel(textAt(row, label)),
    });
  };
}

function endOf(name: string, namespace: string): FlowEnd {
  return name === '' ? world : { kind: 'workload', namespace, workload: name };
}

function said(row: readonly string[], column: number): string {
  const text = textAt(row, column);
  return text === '-' ? '' : text;
}

/** Rows of public sets of requests without times or callers, or of single values: each is a second after the one before. */
function requestSet(header: CsvHeader, _options: CsvFlowOptions): CsvReader {
  const at = (name: string) => header.column(name);
  const [method, path, query, body, label, kind, value] = [
    at('method'),
    at('path'),
    at('query'),
    at('body'),
    at('label'),
    header.column('type_guess', 'attack_type'),
    at('payload'),
  ] as const;
  const [status, size, role] = [at('status'), at('response_size'), at('role')] as const;
  let rows = 0;
  return (row) => {
    rows += 1;
    const isAttack = normalLabel(textAt(row, label)) !== 'normal';
    const sent = textAt(row, body);
    // A body that is no form is one value.
    const form = sent === '' || /^[^\s{<]+=/.test(sent) ? sent : `body=${encodeURIComponent(sent)}`;
    const asked = [textAt(row, query), form].filter((text) => text !== '').join('&');
    const target =
      value === -1
        ? `${textAt(row, path)}${asked === '' ? '' : `?${asked}`}`
        : `/?value=${encodeURIComponent(row[value] ?? '')}`;
    const request: ApiRequest = {
      target,
      status: status === -1 ? 0 : numberAt(row, status) || 0,
      requestId: '',
      version: '',
      auth: '',
      issuer: textAt(row, role),
      subject: '',
      source: '',
      network: '',
      fields: undefined,
      bytesReceived: 0,
      bytesSent: size === -1 ? 0 : numberAt(row, size) || 0,
    };
    return checked({
      atMs: recordedFromMs + rows * 1_000,
      source: world,
      destination: { ...unknown, workload: 'requests' },
      sourcePort: 0,
      destinationPort: 80,
      protocol: 'tcp',
      l7: httpCall('exchange', method === -1 ? 'GET' : textAt(row, method), target, request.status),
      request,
      volume: undefined,
      label: isAttack ? textAt(row, kind) || 'attack' : 'normal',
    });
  };
}

export const apiLayouts: readonly CsvLayout[] = [
  { needs: ['t', 'cluster', 'method', 'path', 'response_code', 'upstream_service', 'request_id'], open: recorded },
  { needs: ['method', 'path', 'query', 'label'], open: requestSet },
  { needs: ['payload', 'label', 'attack_type'], open: requestSet },
];
