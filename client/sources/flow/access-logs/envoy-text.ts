import { type AccessLogLine, dashless, LineFields, numberOf } from './access-log-line.ts';
import { hasSecondRequest, type LogWords } from './log-words.ts';

/**
 * `[time] "request" code flags … received sent duration upstreamMs "forwarded" "agent" "id" "authority" "upstream" …`:
 * Envoy's default since 1.5. Istio adds reasons before the numbers (none, "failure" since 1.3, "mixer" "failure" before,
 * details termination "failure" since 1.9) and behind them the cluster, three addresses, the server's name and, since 1.3,
 * the route. Any other number of words was written by somebody else.
 */
const shape = /^bqpp(q|qq|ppq|)pppp(?:qqqqq)(p{5,6}|)$/;

/** undefined: it is not so. */
export function readEnvoyText(line: LogWords): AccessLogLine | undefined {
  const { words, kinds } = line;
  const match = shape.exec(kinds);
  if (match === null || hasSecondRequest(line, 1)) return undefined;
  const reasons = (match[1] as string).length;
  const [time = '', request = '', code = '', flags = '', ...rest] = words;
  const [received = '', sent = '', duration = '', ours = '', , , id = '', authority = '', upstream = '', ...mesh] =
    rest.slice(reasons);
  if (![received, sent, duration].every(isCount) || !isCount(ours) || !isCount(code)) return undefined;
  const [cluster = '', upstreamLocal = '', downstreamLocal = '', downstreamRemote = '', , route = ''] = mesh;
  const fields = new LineFields();
  fields.setRequest(request);
  fields.time = time;
  fields.status = numberOf(code);
  fields.responseFlags = dashless(flags);
  if (reasons === 3) fields.details = detailsOf(rest[0] ?? '', rest[1] ?? '');
  fields.bytesReceived = numberOf(received);
  fields.bytesSent = numberOf(sent);
  fields.durationMs = numberOf(duration);
  fields.requestId = dashless(id);
  fields.authority = dashless(authority);
  // A dash says that there is no cluster; a format without one does not say anything.
  fields.upstreamCluster = cluster;
  fields.upstreamHost = dashless(upstream);
  fields.upstreamLocal = dashless(upstreamLocal);
  fields.downstreamLocal = dashless(downstreamLocal);
  fields.downstreamRemote = dashless(downstreamRemote);
  fields.route = dashless(route);
  return fields;
}

function detailsOf(response: string, termination: string): string {
  return termination === '-' ? dashless(response) : `${dashless(response)} ${termination}`;
}

function isCount(word: string): boolean {
  return word === '-' || /^\d{1,20}$/.test(word);
}
