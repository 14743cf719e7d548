/** What all formats are brought to. Empty texts and NaN where a line says nothing. */
export type AccessLogLine = Readonly<{
  /** ISO, or seconds since 1970. */
  time: string;
  method: string;
  path: string;
  protocol: string;
  status: number;
  grpcStatus: string;
  responseFlags: string;
  /** Envoy's reasons: how the response came about, how the connection ended. */
  details: string;
  bytesReceived: number;
  bytesSent: number;
  durationMs: number;
  /** Whether `time` is when the line was written, as NGINX has it, and not when the request came. */
  isTimeOfEnd: boolean;
  requestId: string;
  authority: string;
  /** Envoy's "outbound|9080||reviews.shop.svc.cluster.local", "inbound|8000||", "PassthroughCluster", … */
  upstreamCluster: string;
  upstreamHost: string;
  upstreamLocal: string;
  downstreamLocal: string;
  downstreamRemote: string;
  route: string;
  /** Whether the proxy says itself that it refused. */
  isRefused: boolean;
  /** Where a log collector added them. */
  namespace: string;
  pod: string;
  /** Names of the two workloads, where the proxy vouches for them. */
  caller: string;
  server: string;
  /** What only formats of one's own say: see ApiRequest. */
  version: string;
  auth: string;
  issuer: string;
  subject: string;
  source: string;
  network: string;
  fields: readonly string[] | undefined;
}>;

/** A line to fill in: one shape for all formats, and no copies, for there are many lines. */
export class LineFields {
  time = '';
  method = '';
  path = '';
  protocol = '';
  status = Number.NaN;
  grpcStatus = '';
  responseFlags = '';
  details = '';
  bytesReceived = Number.NaN;
  bytesSent = Number.NaN;
  durationMs = Number.NaN;
  isTimeOfEnd = false;
  requestId = '';
  authority = '';
  upstreamCluster = '';
  upstreamHost = '';
  upstreamLocal = '';
  downstreamLocal = '';
  downstreamRemote = '';
  route = '';
  isRefused = false;
  namespace = '';
  pod = '';
  caller = '';
  server = '';
  version = '';
  auth = '';
  issuer = '';
  subject = '';
  source = '';
  network = '';
  fields: readonly string[] | undefined = undefined;

  /** "GET /a HTTP/1.1"; what is no request line, as a scanner sends it, is a method alone. */
  setRequest(request: string): void {
    const first = request.indexOf(' ');
    this.method = dashless(first === -1 ? request : request.slice(0, first)).slice(0, 32);
    if (first === -1) return;
    const second = request.indexOf(' ', first + 1);
    this.path = dashless(request.slice(first + 1, second === -1 ? undefined : second));
    this.protocol = second === -1 ? '' : dashless(request.slice(second + 1));
  }
}

export function dashless(word: string): string {
  return word === '-' ? '' : word;
}

/** NaN where it is no plain number. */
export function numberOf(text: string): number {
  if (text === '' || text === '-') return Number.NaN;
  return text.length <= 32 && /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** "10/Oct/2000:13:55:36 -0700" is 2000-10-10T13:55:36-07:00; without a zone, as HAProxy writes it, it is UTC. */
export function isoOfCommon(text: string): string {
  const match = /^(\d{2})\/(\w{3})\/(\d{4}):(\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?)(?: ([+-]\d{2})(\d{2}))?$/.exec(text);
  if (match === null) return '';
  const [, day, month = '', year, time, hours, minutes] = match;
  const zone = hours === undefined ? 'Z' : `${hours}:${minutes}`;
  return `${year}-${String(months.indexOf(month) + 1).padStart(2, '0')}-${day}T${time}${zone}`;
}
