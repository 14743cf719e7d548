import type { ObservedFlow, Verdict } from '../../events/flow-record.ts';
import type { SkipReason } from '../../events/source-item.ts';
import type { AddressBook } from '../address-book.ts';
import {
  amountOf,
  type Fields,
  fieldsOf,
  flowOfConnection,
  isoMs,
  portOf,
  silent,
  textOf,
} from '../layouts/connection.ts';

/** More than any log has: a line of separators alone is not taken apart to its end. */
const columnsMax = 1_024;
/** From here on a number is milliseconds, `JSON::TS_MILLIS`, and no seconds: the year 5138. */
const millisecondsFrom = 1e11;

/** A record of Zeek's conn.log by the names of its fields. Absent fields are undefined; `ts` in seconds or as ISO 8601. */
export function zeekFlow(said: (name: string) => unknown, addresses: AddressBook): ObservedFlow | SkipReason {
  const startMs = timeOf(said('ts'));
  const durationS = amountOf(said('duration'));
  const protocol = textOf(said('proto'));
  const state = textOf(said('conn_state'));
  const verdict = verdictOf(state, protocol);
  // What the hosts say that they sent; of a connection that never was one there are only packets.
  const bytes = (side: string) => {
    const payload = amountOf(said(`${side}_bytes`));
    return Number.isNaN(payload) ? amountOf(said(`${side}_ip_bytes`)) : payload;
  };
  return flowOfConnection(
    {
      ...silent,
      source: textOf(said('id.orig_h')),
      destination: textOf(said('id.resp_h')),
      sourcePort: portOf(said('id.orig_p')),
      destinationPort: portOf(said('id.resp_p')),
      protocol,
      startMs,
      endMs: durationS > 0 ? startMs + durationS * 1_000 : Number.NaN,
      bytesOut: bytes('orig'),
      bytesIn: bytes('resp'),
      packetsOut: amountOf(said('orig_pkts')),
      packetsIn: amountOf(said('resp_pkts')),
      verdict,
      verdictReason: verdict === 'forwarded' ? '' : state,
      id: textOf(said('uid')),
    },
    addresses,
  );
}

/** The fields of a line of JSON: "id.orig_h", and as collectors spell it, "id_orig_h" or {"id":{"orig_h":…}}. */
export function zeekJsonFields(record: Fields): (name: string) => unknown {
  const id = fieldsOf(record.id);
  return (name) => {
    if (record[name] !== undefined) return record[name];
    return name.startsWith('id.') ? (record[name.replace('.', '_')] ?? id[name.slice(3)]) : undefined;
  };
}

function timeOf(ts: unknown): number {
  if (typeof ts === 'string' && /[T-]/.test(ts.slice(1))) return isoMs(ts);
  const number = amountOf(ts);
  return number >= millisecondsFrom ? number : number * 1_000;
}

/** REJ: refused by who was asked. Where nobody answered, nobody knows whether a filter or a host was silent. */
function verdictOf(state: string, protocol: string): Verdict {
  if (state === 'REJ') return 'dropped';
  return protocol === 'tcp' && /^(?:S0|SH|RSTOS0)$/.test(state) ? 'unknown' : 'forwarded';
}

/** The lines of conn.log as Zeek writes it by itself: what `#separator`, `#fields` and so on say holds until said anew. */
export class ZeekTsv {
  #separator = '\t';
  #unset = '-';
  #fields = new Map<string, number>();
  #path = 'conn';

  /** undefined: a line about the others. */
  read(line: string, addresses: AddressBook): ObservedFlow | SkipReason | undefined {
    if (line.startsWith('#')) {
      this.#remark(line);
      return undefined;
    }
    if (this.#path !== 'conn') return 'IGNORED_EVENT_TYPE';
    if (!this.#fields.has('id.orig_h')) return 'UNKNOWN_LAYOUT';
    const values = line.split(this.#separator, columnsMax);
    if (values.length !== this.#fields.size) return 'WRONG_FIELD_COUNT';
    const said = (name: string) => {
      const value = values[this.#fields.get(name) ?? -1];
      return value === this.#unset ? undefined : value;
    };
    return zeekFlow(said, addresses);
  }

  #remark(line: string): void {
    // Only this one is set apart by a space, since it says what the others are set apart by.
    const separator = /^#separator (.+)$/.exec(line)?.[1];
    if (separator !== undefined) {
      this.#separator = separator.replace(/\\x([0-9a-f]{2})/gi, (_, digits) =>
        String.fromCharCode(Number.parseInt(digits, 16)),
      );
      return;
    }
    const [name, ...values] = line.split(this.#separator, columnsMax);
    if (name === '#unset_field') this.#unset = values[0] ?? '-';
    else if (name === '#path') this.#path = values[0] ?? '';
    else if (name === '#fields') this.#fields = new Map(values.map((field, column) => [field, column]));
  }
}
