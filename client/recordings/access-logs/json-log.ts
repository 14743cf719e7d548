import { type AccessLogLine, dashless, isoOfCommon, LineFields, numberOf } from './access-log-line.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * An access log in JSON, by its names in any order: Envoy's as Istio and Envoy Gateway use them, NGINX's variables, Traefik's.
 * undefined: none of them.
 */
export function readJsonFields(fields: Fields): AccessLogLine | undefined {
  const line = isTraefik(fields) ? traefik(fields) : named(fields);
  if (line.path === '' && line.upstreamCluster === '' && line.downstreamLocal === '') return undefined;
  if (fields.kubernetes !== undefined) {
    const kubernetes = fieldsOf(fields.kubernetes);
    line.namespace = text(kubernetes.namespace_name);
    line.pod = text(kubernetes.pod_name);
  }
  return line;
}

const times = ['start_time', 'time_iso8601', 'time', 'timestamp', '@timestamp', 'msec', 'time_epoch', 'time_local'];
const methods = ['method', ':method', 'request_method'];
const paths = ['path', 'x-envoy-origin-path', 'x-envoy-original-path', 'req_path', ':path', 'request_uri', 'uri'];
const protocols = ['protocol', 'server_protocol', 'request_proto'];
const statuses = ['response_code', 'status'];
const grpcStatuses = ['grpc_status', 'grpc-status', 'grpc_status_number'];
const flags = ['response_flags', 'response_flags_long'];
const received = ['bytes_received', 'request_length'];
const sent = ['bytes_sent', 'body_bytes_sent'];
const requestIds = ['request_id', 'x-request-id', 'req_id'];
const authorities = ['authority', ':authority', 'host', 'vhost', 'http_host'];
const upstreams = ['upstream_host', 'upstream_addr'];
const callers = ['downstream_service', 'source_workload'];
const servers = ['upstream_service', 'destination_workload'];
const auths = ['auth', 'auth_type'];
const issuers = ['issuer', 'jwt_issuer'];
const subjects = ['subject', 'jwt_sub', 'remote_user'];
const remotes = ['downstream_remote_address', 'remote_addr', 'client_ip', 'client'];

function named(fields: Fields): LineFields {
  const line = new LineFields();
  if (typeof fields.request === 'string') line.setRequest(fields.request);
  const time = saidOf(fields, times);
  // "02/Mar/2026:…": NGINX's `$time_local`, HAProxy's `%T`.
  line.time = time.charAt(2) === '/' ? isoOfCommon(time) : time;
  line.method = saidOf(fields, methods) || line.method;
  line.path = saidOf(fields, paths) || line.path;
  line.protocol = saidOf(fields, protocols) || line.protocol;
  line.status = numberOf(saidOf(fields, statuses));
  line.grpcStatus = saidOf(fields, grpcStatuses);
  line.responseFlags = saidOf(fields, flags);
  line.details = detailsOf(said(fields, 'response_code_details'), said(fields, 'connection_termination_details'));
  line.bytesReceived = numberOf(saidOf(fields, received));
  line.bytesSent = numberOf(saidOf(fields, sent));
  // Envoy's `duration` is in milliseconds, NGINX's `$request_time` in seconds.
  const seconds = numberOf(said(fields, 'request_time'));
  line.durationMs = Number.isNaN(seconds) ? numberOf(said(fields, 'duration')) : seconds * 1_000;
  line.isTimeOfEnd = !Number.isNaN(seconds);
  line.requestId = saidOf(fields, requestIds);
  line.authority = saidOf(fields, authorities);
  line.upstreamCluster = said(fields, 'upstream_cluster') || (isIstio(fields) ? '-' : '');
  line.upstreamHost = saidOf(fields, upstreams);
  line.upstreamLocal = said(fields, 'upstream_local_address');
  line.downstreamLocal = said(fields, 'downstream_local_address');
  line.downstreamRemote = saidOf(fields, remotes);
  line.route = said(fields, 'route_name');
  // Names of one's own: a gateway that checks tokens can log what it found.
  line.caller = saidOf(fields, callers);
  line.server = saidOf(fields, servers);
  line.version = said(fields, 'upstream_version');
  line.auth = saidOf(fields, auths);
  line.issuer = saidOf(fields, issuers);
  line.subject = saidOf(fields, subjects);
  line.source = said(fields, 'source');
  line.network = said(fields, 'source_net');
  const named = fields.body_fields;
  if (typeof named === 'string')
    line.fields = dashless(named)
      .split(' ', bodyFieldsMax)
      .filter((name) => name !== '');
  return line;
}

const bodyFieldsMax = 64;

function detailsOf(response: string, termination: string): string {
  return termination === '' ? response : `${response} ${termination}`;
}

/** Istio's JSON says null where its text says "-": there was no cluster. Envoy Gateway's names are of headers. */
function isIstio(fields: Fields): boolean {
  return 'upstream_cluster' in fields && 'requested_server_name' in fields && !('x-envoy-origin-path' in fields);
}

/** Each of its fields can be dropped. */
function isTraefik(fields: Fields): boolean {
  return ['DownstreamStatus', 'OriginStatus', 'RequestMethod', 'ClientHost'].some((name) => name in fields);
}

/** Traefik's names; durations in nanoseconds. */
function traefik(fields: Fields): LineFields {
  const line = new LineFields();
  line.time = said(fields, 'StartUTC') || said(fields, 'StartLocal') || said(fields, 'time');
  line.method = said(fields, 'RequestMethod');
  line.path = said(fields, 'RequestPath');
  line.protocol = said(fields, 'RequestProtocol');
  line.status = numberOf(said(fields, 'DownstreamStatus') || said(fields, 'OriginStatus'));
  line.bytesReceived = numberOf(said(fields, 'RequestContentSize'));
  line.bytesSent = numberOf(said(fields, 'DownstreamContentSize'));
  line.durationMs = numberOf(said(fields, 'Duration')) / 1e6;
  line.authority = said(fields, 'RequestHost');
  line.upstreamHost = said(fields, 'ServiceAddr');
  line.downstreamRemote = said(fields, 'ClientAddr') || said(fields, 'ClientHost');
  return line;
}

/** Of the first of these names that says something. */
function saidOf(fields: Fields, names: readonly string[]): string {
  for (const name of names) {
    const value = said(fields, name);
    if (value !== '') return value;
  }
  return '';
}

function said(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value === 'string') return dashless(value);
  return typeof value === 'number' ? String(value) : '';
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}
