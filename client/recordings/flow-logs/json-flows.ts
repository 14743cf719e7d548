import type { ObservedFlow } from '../../events/flow-record.ts';
import type { SkipReason } from '../../events/source-item.ts';
import type { AddressBook } from '../address-book.ts';
import { azureFlows } from './azure.ts';
import { type Fields, fieldsOf, isFields } from './connection.ts';
import { gcpFlow } from './gcp.ts';
import { suricataFlow } from './suricata.ts';
import { zeekFlow, zeekJsonFields } from './zeek.ts';

/** The flows of a text of JSON, whichever tool wrote it; at least one answer, if only why there is none. */
export function flowsOfJson(text: string, addresses: AddressBook): readonly (ObservedFlow | SkipReason)[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return ['MALFORMED_JSON'];
  }
  return flowsOf(value, addresses);
}

function flowsOf(value: unknown, addresses: AddressBook): readonly (ObservedFlow | SkipReason)[] {
  if (Array.isArray(value)) return value.length === 0 ? ['NO_DATA'] : value.flatMap((one) => flowsOf(one, addresses));
  if (!isFields(value)) return ['NOT_AN_OBJECT'];
  // As event hubs hand Azure's logs on.
  if (Array.isArray(value.records)) return flowsOf(value.records, addresses);
  if (typeof value.event_type === 'string') return [suricataFlow(value, addresses)];
  if (isFields(value.flowRecords) || Array.isArray(fieldsOf(value.properties).flows))
    return azureFlows(value, addresses);
  if (isFields(value.jsonPayload) || isFields(value.connection)) return [gcpRow(value, addresses)];
  return [zeekRow(value, addresses)];
}

function gcpRow(entry: Fields, addresses: AddressBook): ObservedFlow | SkipReason {
  const payload = isFields(entry.jsonPayload) ? entry.jsonPayload : entry;
  return isFields(payload.connection) ? gcpFlow(entry, addresses) : 'IGNORED_EVENT_TYPE';
}

/** Zeek's other logs have the same ends; only conn.log has amounts. */
function zeekRow(record: Fields, addresses: AddressBook): ObservedFlow | SkipReason {
  const said = zeekJsonFields(record);
  if (typeof record._path === 'string' && record._path !== 'conn') return 'IGNORED_EVENT_TYPE';
  if (said('id.orig_h') === undefined && said('id.resp_h') === undefined) return 'UNKNOWN_LAYOUT';
  const isConn = record._path === 'conn' || 'conn_state' in record || 'orig_pkts' in record || 'orig_bytes' in record;
  return isConn ? zeekFlow(said, addresses) : 'IGNORED_EVENT_TYPE';
}
