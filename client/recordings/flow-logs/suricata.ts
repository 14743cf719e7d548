import type { ObservedFlow } from '../../events/flow-record.ts';
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

/** An event of Suricata's eve.json: `flow` is a connection, `netflow` one direction of it; others are not about flows. */
export function suricataFlow(event: Fields, addresses: AddressBook): ObservedFlow | SkipReason {
  const type = event.event_type;
  if (type !== 'flow' && type !== 'netflow') return 'IGNORED_EVENT_TYPE';
  const said = fieldsOf(event[type]);
  const startMs = isoMs(textOf(said.start) || textOf(event.timestamp));
  const ended = textOf(said.end);
  const id = typeof event.flow_id === 'number' || typeof event.flow_id === 'string' ? event.flow_id : '';
  const refused = said.action === 'drop' || said.action === 'reject';
  const both = type === 'flow';
  return flowOfConnection(
    {
      ...silent,
      source: textOf(event.src_ip),
      destination: textOf(event.dest_ip),
      sourcePort: portOf(event.src_port),
      destinationPort: portOf(event.dest_port),
      protocol: textOf(event.proto),
      startMs,
      endMs: ended === '' ? Number.NaN : isoMs(ended),
      bytesOut: amountOf(both ? said.bytes_toserver : said.bytes),
      bytesIn: both ? amountOf(said.bytes_toclient) : Number.NaN,
      packetsOut: amountOf(both ? said.pkts_toserver : said.pkts),
      packetsIn: both ? amountOf(said.pkts_toclient) : Number.NaN,
      verdict: refused ? 'dropped' : 'forwarded',
      verdictReason: refused ? String(said.action) : '',
      isReply: both ? false : undefined,
      // The number of a flow is used again.
      id: id === '' ? '' : `${id} ${type} ${textOf(event.src_ip)}:${portOf(event.src_port)} ${startMs}`,
    },
    addresses,
  );
}
