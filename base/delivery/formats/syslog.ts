import { onOneLine } from '../../text/printable.ts';

/** Enterprise number of examples (RFC 5612): Testudo has none of its own. */
const dataId = 'testudo@32473';
const messageCharactersMax = 4_000;

export type SyslogMessage = Readonly<{
  /** 0 to 23. */
  facility: number;
  /** 0, an emergency, to 7. */
  severity: number;
  /** RFC 3339. */
  at: string;
  host: string;
  /** What kind of message it is, in one word. */
  kind: string;
  fields: Readonly<Record<string, string | number>>;
  text: string;
}>;

/** As RFC 5424 says, in UTF-8, without its frame; whatever names and texts hold, it is one line with these fields. */
export function syslogMessage({ facility, severity, at, host, kind, fields, text }: SyslogMessage): string {
  const data = Object.entries(fields).map(([name, value]) => `${name}="${escaped(String(value))}"`);
  const header = `<${8 * facility + severity}>1 ${at} ${word(host, 255)} testudo ${process.pid} ${kind}`;
  return `${header} [${dataId} ${data.join(' ')}] \uFEFF${onOneLine(text).slice(0, messageCharactersMax)}`;
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
