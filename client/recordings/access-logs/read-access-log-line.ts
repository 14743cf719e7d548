import type { SkipReason } from '../../events/source-item.ts';
import { parseJsonLine } from '../lines.ts';
import type { AccessLogLine } from './access-log-line.ts';
import { readCommonLog } from './common-log.ts';
import { readEnvoyText } from './envoy-text.ts';
import { isHaproxyNotice, readHaproxyLog } from './haproxy-log.ts';
import { fieldsOf, readJsonFields } from './json-log.ts';
import { wordsOf } from './log-words.ts';

/** A container's log holds a line of its own before each: "2026-03-02T09:00:01.1Z stdout F ". */
const criPrefix = /^\d{4}-\d\d-\d\dT[\d:.]{8,18}(?:Z|[+-]\d\d:\d\d) std(?:out|err) [FP] /;
/** RFC 5424's header, whose name of a program is set freely: "<134>1 2026-02-06T12:14:14.655Z lb haproxy 123 - - ". */
const syslogHeader =
  /^<\d{1,3}>1 \S{1,64} \S{1,255} \S{1,48} \S{1,128} \S{1,32} (?:-|(?:\[[^[\]]{1,1024}\]){1,8}) (?:\uFEFF)?/;
/** How the formats of text begin, as far as nobody who is logged can choose it. */
const begins =
  /^(?:\[\d{4}-\d\d-\d\dT[^\]]{0,40}\] "|(?:\S{1,256} )?\S{1,256} \S{1,256} .{1,256}?\[\d\d\/\w{3}\/\d{4}:|.{0,512}?\S{1,64}:\d{1,5} \[\d\d\/\w{3}\/\d{4}:)/;

/**
 * One line of an access log: JSON with the names of Envoy (Istio, Envoy Gateway), NGINX or Traefik; or text in Istio's
 * formats, Envoy's default, HAProxy's, or the common log format and what extends it. A line of text that begins as one and
 * whose words do not add up is `FORGED_OR_BROKEN`: those who are logged choose paths and names of agents.
 */
export function readAccessLogLine(text: string): AccessLogLine | SkipReason {
  const bare = withoutSyslog(withoutContainer(text));
  return bare.startsWith('{') ? readJson(bare) : readText(bare);
}

function readJson(text: string): AccessLogLine | SkipReason {
  let candidate: unknown;
  try {
    candidate = parseJsonLine(text);
  } catch {
    return 'NOT_AN_ACCESS_LOG_LINE';
  }
  const fields = fieldsOf(candidate);
  const line = readJsonFields(fields);
  if (line !== undefined) return line;
  // Docker and collectors wrap what was written, with the line's end.
  const log = typeof fields.log === 'string' ? withoutSyslog(fields.log.trimEnd()) : '';
  if (log === '') return 'NOT_AN_ACCESS_LOG_LINE';
  const within = log.startsWith('{') ? readJsonFields(parsed(log)) : readText(log);
  if (within === undefined) return 'NOT_AN_ACCESS_LOG_LINE';
  if (typeof within === 'string') return within;
  const kubernetes = fieldsOf(fields.kubernetes);
  const said = (value: unknown, other: string) => (typeof value === 'string' ? value : other);
  return {
    ...within,
    namespace: said(kubernetes.namespace_name, within.namespace),
    pod: said(kubernetes.pod_name, within.pod),
  };
}

function readText(text: string): AccessLogLine | SkipReason {
  const words = wordsOf(text);
  const line =
    words === undefined
      ? undefined
      : words.kinds.startsWith('b')
        ? readEnvoyText(words)
        : (readCommonLog(words) ?? readHaproxyLog(text.trimEnd()));
  if (line !== undefined) return line;
  return begins.test(text) && !isHaproxyNotice(text.trimEnd()) ? 'FORGED_OR_BROKEN' : 'NOT_AN_ACCESS_LOG_LINE';
}

function withoutContainer(text: string): string {
  // Nearly every line: no year in front.
  if (text.charCodeAt(4) !== 45) return text;
  const prefix = criPrefix.exec(text);
  return prefix === null ? text : text.slice(prefix[0].length);
}

function withoutSyslog(text: string): string {
  const header = text.startsWith('<') ? syslogHeader.exec(text) : null;
  return header === null ? text : text.slice(header[0].length);
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    return fieldsOf(parseJsonLine(text));
  } catch {
    return {};
  }
}
