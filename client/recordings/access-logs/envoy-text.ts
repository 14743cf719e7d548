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
  const isMesh = match[2] !== '';
  const word = (at: number) => words[at] as string;
  /** Of what stands behind the reasons. */
  const behind = (at: number) => words[4 + reasons + at] as string;
  if (!(isCount(word(2)) && isCount(behind(0)) && isCount(behind(1)) && isCount(behind(2)) && isCount(behind(3)))) {
    return undefined;
  }
  const fields = new LineFields();
  fields.setRequest(word(1));
  fields.time = word(0);
  fields.status = numberOf(word(2));
  fields.responseFlags = dashless(word(3));
  if (reasons === 3) fields.details = detailsOf(word(4), word(5));
  fields.bytesReceived = numberOf(behind(0));
  fields.bytesSent = numberOf(behind(1));
  fields.durationMs = numberOf(behind(2));
  fields.requestId = dashless(behind(6));
  fields.authority = dashless(behind(7));
  fields.upstreamHost = dashless(behind(8));
  if (!isMesh) return fields;
  // A dash says that there is no cluster; a format without one does not say anything.
  fields.upstreamCluster = behind(9);
  fields.upstreamLocal = dashless(behind(10));
  fields.downstreamLocal = dashless(behind(11));
  fields.downstreamRemote = dashless(behind(12));
  fields.route = dashless(words[4 + reasons + 14] ?? '');
  return fields;
}

function detailsOf(response: string, termination: string): string {
  return termination === '-' ? dashless(response) : `${dashless(response)} ${termination}`;
}

function isCount(word: string): boolean {
  return word === '-' || /^\d{1,20}$/.test(word);
}
