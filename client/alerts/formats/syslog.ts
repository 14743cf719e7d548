import { onOneLine } from '../../../base/text/printable.ts';
import { familyOf } from '../family.ts';
import type { Outgoing, Sender } from '../outgoing.ts';

/** Of severities 0 to 7: an alert is "alert: action must be taken" to nobody's pager, so 4, a warning, and 2 for a known attack. */
const [warning, critical] = [4, 2];
/** Enterprise number of examples (RFC 5612): Testudo has none of its own. */
const dataId = 'testudo@32473';
const messageCharactersMax = 4_000;

/** One alert as RFC 5424 says, in UTF-8, without its frame. */
export function syslogMessage({ alert, repeats }: Outgoing, sender: Sender, facility: number): string {
  const family = familyOf(alert);
  const priority = 8 * facility + (family === 'unusual' ? warning : critical);
  const { namespace, workload, pod } = alert.subject;
  const fields = {
    ...{ id: alert.id, federation: sender.federation, cluster: sender.cluster, track: alert.track, family, repeats },
    ...{ namespace, workload, pod, score: alert.score, threshold: alert.threshold, model: alert.modelVersion },
  };
  const data = Object.entries(fields).map(([name, value]) => `${name}="${escaped(String(value))}"`);
  const header = `<${priority}>1 ${alert.at} ${word(sender.host, 255)} testudo ${process.pid} alert`;
  const text = onOneLine(alert.text).slice(0, messageCharactersMax);
  return `${header} [${dataId} ${data.join(' ')}] \uFEFF${text}`;
}

/** Octet counting (RFC 6587, 3.4.1): nothing within a message can end it. */
export function framed(message: string): Buffer {
  const bytes = Buffer.from(message);
  return Buffer.concat([Buffer.from(`${bytes.byteLength} `), bytes]);
}

function escaped(value: string): string {
  return onOneLine(value).replaceAll(/["\\\]]/g, '\\$&');
}

/** Printable US-ASCII, as header fields must be; "-" for none. */
function word(text: string, charactersMax: number): string {
  return text.replaceAll(/[^!-~]/g, '').slice(0, charactersMax) || '-';
}
