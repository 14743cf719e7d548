/** What both formats, JSON and text, are brought to. Empty texts and NaN where a line says nothing. */
export type AccessLogLine = Readonly<{
  time: string;
  method: string;
  path: string;
  protocol: string;
  status: number;
  grpcStatus: string;
  responseFlags: string;
  bytesReceived: number;
  bytesSent: number;
  durationMs: number;
  requestId: string;
  authority: string;
  /** Envoy's "outbound|9080||reviews.shop.svc.cluster.local", "inbound|8000||", … */
  upstreamCluster: string;
  upstreamHost: string;
  downstreamLocal: string;
  downstreamRemote: string;
  /** Where a log collector added them. */
  namespace: string;
  pod: string;
}>;

/**
 * One line of Envoy's access log: a JSON object with Envoy's names (Istio's `accessLogEncoding: JSON`), Istio's default
 * text, Envoy's default text, or the common log format. undefined: none of them.
 */
export function readAccessLogLine(text: string): AccessLogLine | undefined {
  return text.startsWith('{') ? readJson(text) : readText(text);
}

function readJson(text: string): AccessLogLine | undefined {
  let candidate: unknown;
  try {
    candidate = JSON.parse(text);
  } catch {
    return undefined;
  }
  const fields = fieldsOf(candidate);
  const said = (...names: string[]): string => {
    const value = names
      .map((name) => fields[name])
      .find((found) => typeof found === 'string' || typeof found === 'number');
    return value === undefined || value === '-' ? '' : String(value);
  };
  const kubernetes = fieldsOf(fields.kubernetes);
  const path = said('path', 'req_path', ':path');
  if (path === '' && said('upstream_cluster') === '') return undefined;
  return {
    time: said('start_time', 'time', 'timestamp', '@timestamp'),
    method: said('method'),
    path,
    protocol: said('protocol'),
    status: numberOf(said('response_code', 'status')),
    grpcStatus: said('grpc_status', 'grpc_status_number'),
    responseFlags: said('response_flags'),
    bytesReceived: numberOf(said('bytes_received')),
    bytesSent: numberOf(said('bytes_sent')),
    durationMs: numberOf(said('duration')),
    requestId: said('request_id'),
    authority: said('authority'),
    upstreamCluster: said('upstream_cluster'),
    upstreamHost: said('upstream_host'),
    downstreamLocal: said('downstream_local_address'),
    downstreamRemote: said('downstream_remote_address'),
    namespace: typeof kubernetes.namespace_name === 'string' ? kubernetes.namespace_name : '',
    pod: typeof kubernetes.pod_name === 'string' ? kubernetes.pod_name : '',
  };
}

function readText(text: string): AccessLogLine | undefined {
  const words = wordsOf(text);
  if (words === undefined) return undefined;
  return text.startsWith('[') ? envoyText(words) : commonLog(words);
}

/**
 * `[time] "request" code flags [details termination] "failure"? received sent duration upstreamMs "forwarded" "agent" "id"
 * "authority" "upstream" [cluster upstreamLocal downstreamLocal downstreamRemote sni route]`: Istio adds the bracketed ones.
 */
function envoyText(words: readonly string[]): AccessLogLine | undefined {
  const [time = '', request = '', code = '', flags = '', ...rest] = words;
  // Istio's: how the response came about, how the connection ended, why it failed, all before the four numbers.
  const numbersAt = [0, 3].find((at) => rest.slice(at, at + 3).every((word) => /^\d+$/.test(word)));
  if (numbersAt === undefined) return undefined;
  const [
    received = '',
    sent = '',
    duration = '',
    ,
    ,
    ,
    id = '',
    authority = '',
    upstream = '',
    cluster = '',
    ,
    local = '',
    remote = '',
  ] = rest.slice(numbersAt);
  return {
    ...requestOf(request),
    time,
    status: numberOf(code),
    grpcStatus: '',
    responseFlags: dashless(flags),
    bytesReceived: numberOf(received),
    bytesSent: numberOf(sent),
    durationMs: numberOf(duration),
    requestId: dashless(id),
    authority: dashless(authority),
    upstreamCluster: dashless(cluster),
    upstreamHost: dashless(upstream),
    downstreamLocal: dashless(local),
    downstreamRemote: dashless(remote),
    namespace: '',
    pod: '',
  };
}

/** `address identity user [day/month/year:time zone] "request" status bytes …`: NCSA's common format and those that extend it. */
function commonLog(words: readonly string[]): AccessLogLine | undefined {
  const [remote = '', , , time = '', request = '', code = '', sent = ''] = words;
  if (!/^\d{3}$/.test(code)) return undefined;
  return {
    ...requestOf(request),
    time: isoOfCommon(time),
    status: numberOf(code),
    grpcStatus: '',
    responseFlags: '',
    bytesReceived: Number.NaN,
    bytesSent: numberOf(dashless(sent)),
    durationMs: Number.NaN,
    requestId: '',
    authority: '',
    upstreamCluster: '',
    upstreamHost: '',
    downstreamLocal: '',
    downstreamRemote: remote,
    namespace: '',
    pod: '',
  };
}

/** Words of a line, "[…]" and "\"…\"" (with backslashes) taken as one; undefined where one never ends. */
function wordsOf(text: string): string[] | undefined {
  const words: string[] = [];
  const pattern = /\s*(?:"((?:[^"\\]|\\.)*)"|\[([^\]]*)\]|([^\s"[]\S*))/y;
  while (pattern.lastIndex < text.trimEnd().length) {
    const match = pattern.exec(text);
    if (match === null) return undefined;
    words.push(match[1] ?? match[2] ?? match[3] ?? '');
  }
  return words;
}

function requestOf(request: string): Pick<AccessLogLine, 'method' | 'path' | 'protocol'> {
  const [method = '', path = '', protocol = ''] = request.split(' ');
  return { method: dashless(method), path: dashless(path), protocol };
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** "10/Oct/2000:13:55:36 -0700" is 2000-10-10T13:55:36-07:00. */
function isoOfCommon(text: string): string {
  const match = /^(\d{2})\/(\w{3})\/(\d{4}):(\d{2}:\d{2}:\d{2}) ([+-]\d{2})(\d{2})$/.exec(text);
  if (match === null) return '';
  const [, day, month = '', year, time, hours, minutes] = match;
  return `${year}-${String(months.indexOf(month) + 1).padStart(2, '0')}-${day}T${time}${hours}:${minutes}`;
}

function dashless(word: string): string {
  return word === '-' ? '' : word;
}

function numberOf(text: string): number {
  return /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
