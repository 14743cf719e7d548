import { type AccessLogLine, dashless, emptyLine, numberOf, requestOf } from './access-log-line.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * An access log in JSON, by its names in any order: Envoy's as Istio and Envoy Gateway use them, NGINX's variables, Traefik's.
 * undefined: none of them.
 */
export function readJsonFields(fields: Fields): AccessLogLine | undefined {
  const line = typeof fields.DownstreamStatus === 'number' ? traefik(fields) : named(fields);
  const isSaid = line.path !== '' || line.upstreamCluster !== '' || line.downstreamLocal !== '';
  if (!isSaid) return undefined;
  const kubernetes = fieldsOf(fields.kubernetes);
  return { ...line, namespace: text(kubernetes.namespace_name), pod: text(kubernetes.pod_name) };
}

function named(fields: Fields): AccessLogLine {
  const said = (...names: readonly string[]) => saidOf(fields, names);
  const request = requestOf(said('request'));
  // Envoy's `duration` is in milliseconds, NGINX's `$request_time` in seconds.
  const seconds = numberOf(said('request_time'));
  return {
    ...emptyLine,
    time: said('start_time', 'time_iso8601', 'time', 'timestamp', '@timestamp', 'msec', 'time_epoch'),
    method: said('method', ':method', 'request_method') || request.method,
    path:
      said('path', 'x-envoy-origin-path', 'x-envoy-original-path', 'req_path', ':path', 'request_uri', 'uri') ||
      request.path,
    protocol: said('protocol', 'server_protocol', 'request_proto') || request.protocol,
    status: numberOf(said('response_code', 'status')),
    grpcStatus: said('grpc_status', 'grpc-status', 'grpc_status_number'),
    responseFlags: said('response_flags', 'response_flags_long'),
    details: `${said('response_code_details')} ${said('connection_termination_details')}`.trim(),
    bytesReceived: numberOf(said('bytes_received', 'request_length')),
    bytesSent: numberOf(said('bytes_sent', 'body_bytes_sent')),
    durationMs: Number.isNaN(seconds) ? numberOf(said('duration')) : seconds * 1_000,
    isTimeOfEnd: !Number.isNaN(seconds),
    requestId: said('request_id', 'x-request-id', 'req_id'),
    authority: said('authority', ':authority', 'host', 'vhost', 'http_host'),
    upstreamCluster: said('upstream_cluster') || (isIstio(fields) ? '-' : ''),
    upstreamHost: said('upstream_host', 'upstream_addr'),
    upstreamLocal: said('upstream_local_address'),
    downstreamLocal: said('downstream_local_address'),
    downstreamRemote: said('downstream_remote_address', 'remote_addr'),
    route: said('route_name'),
  };
}

/** Istio's JSON says null where its text says "-": there was no cluster. Envoy Gateway's names are of headers. */
function isIstio(fields: Fields): boolean {
  return 'upstream_cluster' in fields && 'requested_server_name' in fields && !('x-envoy-origin-path' in fields);
}

/** Traefik's names; durations in nanoseconds. */
function traefik(fields: Fields): AccessLogLine {
  const said = (...names: readonly string[]) => saidOf(fields, names);
  const duration = numberOf(said('Duration'));
  const client = said('ClientAddr');
  return {
    ...emptyLine,
    time: said('StartUTC', 'StartLocal', 'time'),
    method: said('RequestMethod'),
    path: said('RequestPath'),
    protocol: said('RequestProtocol'),
    status: numberOf(said('DownstreamStatus')),
    bytesReceived: numberOf(said('RequestContentSize')),
    bytesSent: numberOf(said('DownstreamContentSize')),
    durationMs: duration / 1e6,
    authority: said('RequestHost'),
    upstreamHost: said('ServiceAddr'),
    downstreamRemote: client === '' ? said('ClientHost') : client,
  };
}

function saidOf(fields: Fields, names: readonly string[]): string {
  for (const name of names) {
    const value = fields[name];
    if (typeof value === 'string') {
      if (dashless(value) !== '') return value;
    } else if (typeof value === 'number') return String(value);
  }
  return '';
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}
