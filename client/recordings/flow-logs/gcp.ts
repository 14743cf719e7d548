import { isReply } from '../../events/direction.ts';
import type { FlowEnd, ObservedFlow } from '../../events/flow-record.ts';
import type { SkipReason } from '../../events/source-item.ts';
import type { AddressBook } from '../address-book.ts';
import { workloadOfPod } from '../end-of-pod.ts';
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

/** A log entry of Google Cloud, as exported by its logging or alone: VPC flow logs, and what firewall rules log. */
export function gcpFlow(entry: Fields, addresses: AddressBook): ObservedFlow | SkipReason {
  const payload = entry.jsonPayload === undefined ? entry : fieldsOf(entry.jsonPayload);
  const connection = fieldsOf(payload.connection);
  const [started, ended] = [textOf(payload.start_time), textOf(payload.end_time)];
  const denied = payload.disposition === 'DENIED';
  const flow = flowOfConnection(
    {
      ...silent,
      source: podOf(payload.src_gke_details) ?? textOf(connection.src_ip),
      destination: podOf(payload.dest_gke_details) ?? textOf(connection.dest_ip),
      sourcePort: portOf(connection.src_port),
      destinationPort: portOf(connection.dest_port),
      protocol: String(connection.protocol ?? ''),
      startMs: isoMs(started || textOf(entry.timestamp)),
      endMs: ended === '' ? Number.NaN : isoMs(ended),
      bytesOut: amountOf(payload.bytes_sent),
      packetsOut: amountOf(payload.packets_sent),
      verdict: denied ? 'dropped' : 'forwarded',
      verdictReason: denied ? 'DENIED' : '',
      // A rule of a firewall is about who begins; a flow is one direction of a connection.
      isReply: payload.disposition === undefined ? undefined : false,
      // Entries are the same where time and id are.
      id: entry.insertId === undefined ? '' : `${textOf(entry.insertId)} ${started || textOf(entry.timestamp)}`,
    },
    addresses,
  );
  if (typeof flow === 'string') return flow;
  return { ...flow, seenAt: sideOf(flow, textOf(payload.reporter)) };
}

/** A pod of GKE by the workload that runs it, where metadata are on. */
function podOf(details: unknown): FlowEnd | undefined {
  const pod = fieldsOf(fieldsOf(details).pod);
  const [name, owner] = [textOf(pod.pod_name), textOf(fieldsOf(pod.pod_workload).workload_name)];
  if (name === '' && owner === '') return undefined;
  return { kind: 'workload', namespace: textOf(pod.pod_namespace), workload: owner || workloadOfPod(name) };
}

/** The sender of a reply is the server. Gateways stand at neither end. */
function sideOf(flow: ObservedFlow, reporter: string): ObservedFlow['seenAt'] {
  if (reporter !== 'SRC' && reporter !== 'DEST') return 'unknown';
  return (reporter === 'SRC') === isReply(flow) ? 'server' : 'client';
}
