import { type AccessLogLine, isoOfCommon, LineFields, numberOf } from './access-log-line.ts';

/**
 * HAProxy's `option httplog` and `option tcplog` (`httpslog` adds to the first), behind syslog's header or without it:
 * `client:port [date] frontend backend/server timers [status] bytes [cookies] state connections queues [{headers}] "request"`.
 */
const shape =
  /^(\S{1,64}:\d{1,5}) \[(\d\d\/\w{3}\/\d{4}:[\d:.]{8,15}(?: [+-]\d{4})?)\] (\S{1,256}) ([^\s/]{1,256})\/(\S{1,256}) ([-+\d/]{1,80}) (?:(-?\d{1,3}) )?\+?(\d{1,20}) (?:(\S{1,1024}) (\S{1,1024}) )?([A-Za-z-]{2,4}) \d+\/\d+\/\d+\/\d+\/\+?\d+ \d+\/\d+(.*)$/s;

/** Behind the queues: captured headers, and the request, whose quotes HAProxy encodes. */
const behind = /^(?: \{[^{}]{0,65536}\}){0,2} "([^"]{0,65536})"(?: [^\s"]{1,256}){0,4}$/;

/** What HAProxy says of a connection that never became a session: "client:port [date] frontend/bind: SSL handshake failure". */
const notice =
  /^\S{1,64}:\d{1,5} \[\d\d\/\w{3}\/\d{4}:[\d:.]{8,15}(?: [+-]\d{4})?\] [^\s/]{1,256}\/[^\s:]{1,256}: [^"]{1,1024}$/;

/** Whether a line is no call's, but of a handshake that failed: nobody called anything. */
export function isHaproxyNotice(text: string): boolean {
  return notice.test(withoutSyslog(text));
}

/** undefined: it is not so. */
export function readHaproxyLog(text: string): AccessLogLine | undefined {
  const match = shape.exec(withoutSyslog(text));
  if (match === null) return undefined;
  const [, client = '', date = '', , , server = '', timers = '', status, bytes = '', , , state = '', rest = ''] = match;
  const request = rest === '' ? undefined : behind.exec(rest)?.[1];
  if ((rest !== '' && request === undefined) || (status === undefined) !== (rest === '')) return undefined;
  const fields = new LineFields();
  if (request !== undefined) fields.setRequest(request);
  fields.time = isoOfCommon(date);
  fields.status = numberOf(status ?? '');
  fields.bytesSent = numberOf(bytes);
  fields.durationMs = numberOf((timers.split('/').at(-1) ?? '').replace('+', ''));
  fields.upstreamHost = server === '<NOSRV>' ? '' : server;
  fields.downstreamRemote = client;
  // P: the proxy ended the session, for a rule or a limit; R: before a server was asked; T: in the tarpit.
  fields.isRefused = /^P[RT]/.test(state);
  return fields;
}

/** Syslog's older header (RFC 3164) ends with the process: "Feb  6 12:14:14 localhost haproxy[14389]: ". */
function withoutSyslog(text: string): string {
  const name = text.slice(0, 512).search(/\bhaproxy\[\d{1,10}\]: /);
  return name === -1 ? text : text.slice(text.indexOf(': ', name) + 2);
}
