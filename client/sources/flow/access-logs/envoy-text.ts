import { type AccessLogLine, dashless, emptyLine, numberOf, requestOf } from './access-log-line.ts';
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
  return {
    ...emptyLine,
    ...requestOf(request),
    time,
    status: numberOf(code),
    responseFlags: dashless(flags),
    details: reasons === 3 ? rest.slice(0, 2).map(dashless).join(' ').trim() : '',
    bytesReceived: numberOf(received),
    bytesSent: numberOf(sent),
    durationMs: numberOf(duration),
    requestId: dashless(id),
    authority: dashless(authority),
    // A dash says that there is no cluster; a format without one does not say anything.
    upstreamCluster: cluster,
    upstreamHost: dashless(upstream),
    upstreamLocal: dashless(upstreamLocal),
    downstreamLocal: dashless(downstreamLocal),
    downstreamRemote: dashless(downstreamRemote),
    route: dashless(route),
  };
}

function isCount(word: string): boolean {
  return word === '-' || /^\d{1,20}$/.test(word);
}
