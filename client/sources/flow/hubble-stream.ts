import type { FlowBatch } from '../../events/source-item.ts';
import { drained } from '../drained.ts';
import { type SensorTls, sensorCredentials } from '../sensor-credentials.ts';
import { reconnecting, type SensorStreamOptions, sensorChannel } from '../sensor-stream.ts';
import {
  type Endpoint,
  type Flow,
  type GetFlowsResponse,
  type Layer4,
  type Layer7,
  ObserverClient,
  type Timestamp,
} from '../wire/generated/hubble.ts';
import { dropReasonName } from './drop-reasons.ts';
import {
  type HubbleEnd,
  type HubbleFlow,
  type HubbleL7,
  type HubbleMessage,
  hubbleVerdicts,
  itemOfHubble,
} from './hubble-flow.ts';

/**
 * Hubble's Observer.GetFlows: an agent's "unix:///var/run/cilium/hubble.sock" or Relay's host:port, by TLS where the
 * settings say so. After an interruption it asks for everything since the last flow that it had: Hubble's ring buffer bridges what it can, and what
 * comes twice is told by its id. What the ring no longer holds is reported by Hubble as lost.
 */
export async function* hubbleStream(
  address: string,
  { tls, ...options }: SensorStreamOptions & Readonly<{ tls?: SensorTls | undefined }>,
): AsyncGenerator<FlowBatch<never>> {
  const { timers } = options;
  let since: Timestamp | undefined;
  let index = 0;
  const open = async () => {
    const { credentials, options: names } = await sensorCredentials(tls);
    const client = new ObserverClient(address, credentials, { ...sensorChannel, ...names });
    const call = client.getFlows({ follow: true, number: 0n, since });
    index = 0;
    const close = () => {
      call.cancel();
      client.close();
    };
    return { items: drained<GetFlowsResponse>(call), close };
  };
  for await (const messages of reconnecting(address, open, options)) {
    const items = messages.map((message) => {
      index += 1;
      if (message.responseTypes?.$case === 'flow') since = later(since, message.responseTypes.value.time, timers.now());
      return itemOfHubble(readHubbleMessage(message), `${address}#${index}`);
    });
    yield { items, cursor: undefined };
  }
}

/**
 * The later one, but not later than now: a node whose clock is ahead must not have Hubble keep back what all others see until then. Where
 * it is our clock that is behind everybody's, so much comes twice.
 */
function later(one: Timestamp | undefined, other: Timestamp | undefined, nowMs: number): Timestamp | undefined {
  if (other === undefined) return one;
  const now = { seconds: BigInt(Math.floor(nowMs / 1_000)), nanos: Math.floor(nowMs % 1_000) * 1_000_000 };
  const heard = isAfter(other, now) ? now : other;
  return one === undefined || isAfter(heard, one) ? heard : one;
}

function isAfter(one: Timestamp, other: Timestamp): boolean {
  return one.seconds === other.seconds ? one.nanos > other.nanos : one.seconds > other.seconds;
}

export function readHubbleMessage({ responseTypes, nodeName, time }: GetFlowsResponse): HubbleMessage {
  switch (responseTypes?.$case) {
    case undefined:
      return { kind: 'unknown' };
    case 'flow':
      return { kind: 'flow', flow: flowOf(responseTypes.value, nodeName, time) };
    case 'nodeStatus':
      return { kind: 'nodeStatus' };
    case 'lostEvents':
      return { kind: 'lost', count: Number(responseTypes.value.numEventsLost) };
  }
}

const types = ['unknown', 'L3_L4', 'L7', 'SOCK'] as const;
const redirected = 5;
const directions = ['unknown', 'ingress', 'egress'] as const;
const phases = ['exchange', 'request', 'response', 'exchange'] as const;

function flowOf(flow: Flow, nodeName: string, envelopeTime: Timestamp | undefined): HubbleFlow {
  const time = flow.time ?? envelopeTime;
  return {
    atMs: time === undefined ? Number.NaN : Number(time.seconds) * 1_000 + Math.floor(time.nanos / 1e6),
    exactTime: time === undefined ? '' : `${time.seconds}.${time.nanos}`,
    node: flow.nodeName || nodeName,
    uuid: flow.uuid,
    type: flow.type === 0 ? (flow.l7 === undefined ? 'L3_L4' : 'L7') : (types[flow.type] ?? 'unknown'),
    verdict: hubbleVerdicts[flow.verdict] ?? 'unknown',
    verdictReason: flow.verdict === redirected ? 'REDIRECTED' : reasonOf(flow),
    ...layer4(flow.l4),
    isReply: flow.isReply?.value ?? (flow.reply ? true : undefined),
    direction: directions[flow.trafficDirection] ?? 'unknown',
    source: endOf(flow.source, flow.ip?.source ?? ''),
    destination: endOf(flow.destination, flow.ip?.destination ?? ''),
    l7: flow.l7 === undefined ? undefined : layer7(flow.l7),
    // Only the exporter aggregates.
    aggregate: undefined,
  };
}

function reasonOf({ dropReason = 0, dropReasonDesc = 0 }: Flow): string {
  return dropReasonName(dropReasonDesc || dropReason);
}

function layer4(l4: Layer4 | undefined): Pick<HubbleFlow, 'protocol' | 'sourcePort' | 'destinationPort'> {
  switch (l4?.protocol?.$case) {
    case 'tcp':
      return { protocol: 'tcp', ...l4.protocol.value };
    case 'udp':
      return { protocol: 'udp', ...l4.protocol.value };
    case 'icmpV4':
    case 'icmpV6':
      return { protocol: 'icmp', sourcePort: 0, destinationPort: 0 };
    case 'sctp':
      return { protocol: 'other', ...l4.protocol.value };
    case undefined:
      return { protocol: 'other', sourcePort: 0, destinationPort: 0 };
  }
}

function endOf(end: Endpoint | undefined, address: string): HubbleEnd {
  const workload = end?.workloads.find(({ name }) => name !== '');
  return {
    namespace: end?.namespace ?? '',
    pod: end?.podName ?? '',
    workload: workload?.name ?? '',
    workloadKind: workload?.kind ?? '',
    identity: end?.identity ?? 0,
    labels: end?.labels ?? [],
    address,
  };
}

function layer7({ type, record }: Layer7): HubbleL7 {
  const phase = phases[type] ?? 'exchange';
  switch (record?.$case) {
    case 'http':
      return { phase, kind: 'http', method: record.value.method, url: record.value.url, code: record.value.code };
    case 'dns':
      return { phase, kind: 'dns', queryType: record.value.qtypes[0] ?? '', rcode: record.value.rcode };
    case 'kafka':
      return { phase, kind: 'kafka', apiKey: record.value.apiKey, errorCode: record.value.errorCode };
    case undefined:
      return { phase, kind: 'other' };
  }
}
