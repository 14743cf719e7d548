import type { ObservedFlow } from '../../events/flow-record.ts';
import type { SkipReason } from '../../events/source-item.ts';
import type { AddressBook } from '../address-book.ts';
import { type Fields, fieldsOf, isFields } from '../layouts/connection.ts';
import { parseJsonLine } from '../lines.ts';
import { azureFlows } from './azure.ts';
import { gcpFlow } from './gcp.ts';
import { suricataFlow } from './suricata.ts';
import { zeekFlow, zeekJsonFields } from './zeek.ts';

/** Of one line; whoever writes more there means to keep us busy. */
const recordsMax = 32_768;

/** The flows of a text of JSON, whichever tool wrote it; at least one answer, if only why there is none. */
export function flowsOfJson(text: string, addresses: AddressBook): readonly (ObservedFlow | SkipReason)[] {
  let value: unknown;
  try {
    value = parseJsonLine(text);
  } catch {
    return ['MALFORMED_JSON'];
  }
  const list = listOf(value);
  if (list === undefined) return flowsOf(value, addresses);
  if (list.length === 0) return ['NO_DATA'];
  const found = list.slice(0, recordsMax).flatMap((one) => flowsOf(one, addresses));
  return list.length > recordsMax ? [...found, 'LINE_TOO_LONG'] : found;
}

/** A list of records, or such a list as event hubs hand Azure's logs on. */
function listOf(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value;
  return isFields(value) && Array.isArray(value.records) ? value.records : undefined;
}

function flowsOf(value: unknown, addresses: AddressBook): readonly (ObservedFlow | SkipReason)[] {
  if (!isFields(value)) return ['NOT_AN_OBJECT'];
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
