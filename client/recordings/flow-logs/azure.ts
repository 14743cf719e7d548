import type { ObservedFlow } from '../../events/flow-record.ts';
import type { SkipReason } from '../../events/source-item.ts';
import type { AddressBook } from '../address-book.ts';
import { amountOf, type Fields, fieldsOf, flowOfConnection, portOf, silent, textOf } from '../layouts/connection.ts';

type Read = ObservedFlow | SkipReason;

/** The flows of one record of Azure's flow logs: of network security groups (versions 1 and 2) or of virtual networks. */
export function azureFlows(record: Fields, addresses: AddressBook): Read[] {
  const found: Read[] = [];
  for (const acl of listOf(fieldsOf(record.flowRecords).flows)) {
    for (const group of listOf(fieldsOf(acl).flowGroups)) {
      const { rule, flowTuples } = fieldsOf(group);
      for (const tuple of listOf(flowTuples)) found.push(networkFlow(textOf(tuple), textOf(rule), addresses));
    }
  }
  for (const rules of listOf(fieldsOf(record.properties).flows)) {
    const { rule, flows } = fieldsOf(rules);
    for (const card of listOf(flows)) {
      for (const tuple of listOf(fieldsOf(card).flowTuples)) {
        found.push(groupFlow(textOf(tuple), textOf(rule), addresses));
      }
    }
  }
  return found.length > 0 ? found : ['NO_DATA'];
}

/** `seconds,source,destination,port,port,T|U,I|O,A|D` and since version 2 `,B|C|E,packets,bytes,packets,bytes`. */
function groupFlow(tuple: string, rule: string, addresses: AddressBook): Read {
  const parts = tuple.split(',');
  if (parts.length !== 8 && parts.length !== 13) return 'WRONG_FIELD_COUNT';
  const [seconds, source, destination, sourcePort, destinationPort, protocol, direction, decision, state, ...amounts] =
    parts;
  const protocols: Readonly<Record<string, string>> = { T: 'tcp', U: 'udp' };
  return flowOf(
    {
      atMs: amountOf(seconds) * 1_000,
      ends: [source, destination, sourcePort, destinationPort],
      protocol: protocols[protocol ?? ''] ?? '',
      direction,
      isDenied: decision === 'D',
      state: state ?? '',
      amounts,
      rule,
    },
    addresses,
  );
}

/** `milliseconds,source,destination,port,port,protocol,I|O,B|C|E|D,encryption,packets,bytes,packets,bytes`. */
function networkFlow(tuple: string, rule: string, addresses: AddressBook): Read {
  const parts = tuple.split(',');
  if (parts.length !== 13) return 'WRONG_FIELD_COUNT';
  const [ms, source, destination, sourcePort, destinationPort, protocol = '', direction, state = '', , ...amounts] =
    parts;
  const ends = [source, destination, sourcePort, destinationPort];
  return flowOf(
    { atMs: amountOf(ms), ends, protocol, direction, isDenied: state === 'D', state, amounts, rule },
    addresses,
  );
}

type Tuple = Readonly<{
  atMs: number;
  ends: readonly (string | undefined)[];
  protocol: string;
  direction: string | undefined;
  isDenied: boolean;
  /** Begins, continues, ends; empty where the version does not say. */
  state: string;
  /** Packets and bytes there, packets and bytes back. */
  amounts: readonly string[];
  rule: string;
}>;

function flowOf(
  { atMs, ends, protocol, direction, isDenied, state, amounts, rule }: Tuple,
  addresses: AddressBook,
): Read {
  const [source = '', destination = '', sourcePort, destinationPort] = ends;
  const [packetsOut, bytesOut, packetsIn, bytesIn] = amounts.map(amountOf);
  // A connection is told of when it begins, every few minutes, and when it ends: it counts once, its amounts add up.
  const isLater = state === 'C' || state === 'E';
  return flowOfConnection(
    {
      ...silent,
      source,
      destination,
      sourcePort: portOf(sourcePort),
      destinationPort: portOf(destinationPort),
      protocol,
      startMs: atMs,
      ...(isLater && ({ bytesOut, bytesIn, packetsOut, packetsIn } as Record<string, number>)),
      verdict: isDenied ? 'dropped' : 'forwarded',
      verdictReason: isDenied ? rule : '',
      // Seen at the network card: what goes out is seen at the client.
      seenAt: direction === 'O' ? 'client' : direction === 'I' ? 'server' : 'unknown',
      count: isLater ? 0 : 1,
    },
    addresses,
  );
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
