import { isoTimeMs } from '../../../base/text/iso-time.ts';
import { jsonNumberOf } from '../../../base/text/number.ts';
import type { Verdict } from '../../events/flow-record.ts';
import type { SkipReason } from '../../events/source-item.ts';
import { parseJsonLine } from '../../recordings/lines.ts';
import { dropReasonName } from './drop-reasons.ts';
import {
  type HubbleAggregate,
  type HubbleEnd,
  type HubbleFlow,
  type HubbleL7,
  type HubbleMessage,
  hubbleVerdicts,
} from './hubble-flow.ts';

/** Types that Hubble's exporter can write and that are not about flows. */
const ignored = ['agent_event', 'debug_event', 'agentEvent', 'debugEvent'];

type Fields = Readonly<Record<string, unknown>>;

/**
 * One line of Hubble's exporter, `{"flow":{…},"node_name":…,"time":…}`, or of `hubble observe -o json` before 0.9, which
 * writes the flow alone. Fields of other types than expected read as absent, and so do those that the exporter's mask
 * leaves out. Names may be those of the contract, as Cilium writes them, or in camel case, as other writers of protobuf's JSON do.
 */
export function readHubbleJson(line: string): HubbleMessage | SkipReason {
  let candidate: unknown;
  try {
    candidate = parseJsonLine(line);
  } catch {
    return 'MALFORMED_JSON';
  }
  if (!isFields(candidate)) return 'NOT_AN_OBJECT';
  if (isFields(candidate.flow)) return { kind: 'flow', flow: flowOf(candidate.flow, candidate) };
  if (isFields(candidate.lost_events)) return { kind: 'lost', count: count(candidate.lost_events.num_events_lost) };
  if (isFields(candidate.node_status) || isFields(candidate.nodeStatus)) return { kind: 'nodeStatus' };
  if (isFields(candidate.lostEvents)) return { kind: 'lost', count: count(candidate.lostEvents.numEventsLost) };
  if ('verdict' in candidate && ('IP' in candidate || 'source' in candidate))
    return { kind: 'flow', flow: flowOf(candidate, candidate) };
  return { kind: ignored.some((name) => name in candidate) ? 'ignored' : 'unknown' };
}

const verdictsByName: Readonly<Record<string, Verdict>> = {
  FORWARDED: 'forwarded',
  REDIRECTED: 'forwarded',
  TRACED: 'forwarded',
  TRANSLATED: 'forwarded',
  DROPPED: 'dropped',
  ERROR: 'error',
  AUDIT: 'audit',
};
const reasonCharactersMax = 64;
const types: Readonly<Record<string, HubbleFlow['type']>> = { L3_L4: 'L3_L4', L7: 'L7', SOCK: 'SOCK' };
const typesByNumber: readonly HubbleFlow['type'][] = ['unknown', 'L3_L4', 'L7', 'SOCK'];

function flowOf(flow: Fields, envelope: Fields): HubbleFlow {
  const ip = fields(flow.IP);
  const exactTime = text(flow.time) || text(envelope.time);
  const [protocol, ports] = layer4(fields(flow.l4));
  const direction = text(flow.traffic_direction ?? flow.trafficDirection);
  return {
    atMs: isoTimeMs(exactTime, { zoneless: 'utc' }),
    exactTime,
    node: text(flow.node_name) || text(envelope.node_name) || text(flow.nodeName) || text(envelope.nodeName),
    uuid: text(flow.uuid),
    type: typeOf(flow),
    verdict: verdictOf(flow.verdict),
    verdictReason: reasonOf(flow),
    protocol,
    sourcePort: portOf(ports.source_port ?? ports.sourcePort),
    destinationPort: portOf(ports.destination_port ?? ports.destinationPort),
    isReply: isReplyOf(flow),
    direction: direction === 'INGRESS' ? 'ingress' : direction === 'EGRESS' ? 'egress' : 'unknown',
    source: endOf(fields(flow.source), text(ip.source)),
    destination: endOf(fields(flow.destination), text(ip.destination)),
    l7: isFields(flow.l7) ? layer7(flow.l7) : undefined,
    aggregate: isFields(flow.aggregate) ? aggregateOf(flow.aggregate) : undefined,
  };
}

/** By name, or by number where a writer keeps those. */
function verdictOf(verdict: unknown): Verdict {
  if (typeof verdict === 'number') return hubbleVerdicts[verdict] ?? 'unknown';
  return verdictsByName[text(verdict)] ?? 'unknown';
}

/** `reply` is absent where it is false and where it is not known. A wrapped boolean is told by its value. */
function isReplyOf(flow: Fields): boolean | undefined {
  const said = flow.is_reply ?? flow.isReply;
  const value = isFields(said) ? (said.value ?? false) : said;
  return typeof value === 'boolean' ? value : flow.reply === true ? true : undefined;
}

/** A mask may leave the type out; what the flow holds then tells it. */
function typeOf({ Type, l7 }: Fields): HubbleFlow['type'] {
  if (typeof Type === 'number' && Type !== 0) return typesByNumber[Type] ?? 'unknown';
  if (Type !== undefined && Type !== null && Type !== 0) return types[text(Type)] ?? 'unknown';
  return isFields(l7) ? 'L7' : 'L3_L4';
}

const redirected = 5;

function reasonOf(flow: Fields): string {
  if (flow.verdict === 'REDIRECTED' || flow.verdict === redirected) return 'REDIRECTED';
  const said = flow.drop_reason_desc ?? flow.dropReasonDesc;
  const named = text(said).slice(0, reasonCharactersMax);
  return named || dropReasonName(count(said)) || dropReasonName(count(flow.drop_reason ?? flow.dropReason));
}

/** Whole numbers up to 32 bits; the exporter names its fields as the contract does, other writers in camel case. */
function aggregateOf(aggregate: Fields): HubbleAggregate {
  const said = (one: string, other: string) => Math.max(0, Math.floor(count(aggregate[one] ?? aggregate[other])));
  return {
    ingress: said('ingress_flow_count', 'ingressFlowCount'),
    egress: said('egress_flow_count', 'egressFlowCount'),
    unknown: said('unknown_direction_flow_count', 'unknownDirectionFlowCount'),
  };
}

function layer4(l4: Fields): readonly [HubbleFlow['protocol'], Fields] {
  if (isFields(l4.TCP)) return ['tcp', l4.TCP];
  if (isFields(l4.UDP)) return ['udp', l4.UDP];
  if (isFields(l4.ICMPv4) || isFields(l4.ICMPv6)) return ['icmp', none];
  return ['other', fields(l4.SCTP)];
}

function endOf(end: Fields, address: string): HubbleEnd {
  const workload = Array.isArray(end.workloads)
    ? fields(end.workloads.find((one) => isFields(one) && text(one.name) !== ''))
    : none;
  return {
    namespace: text(end.namespace),
    pod: text(end.pod_name ?? end.podName),
    workload: text(workload.name),
    workloadKind: text(workload.kind),
    identity: count(end.identity),
    labels: Array.isArray(end.labels) ? end.labels.filter((label) => typeof label === 'string') : [],
    address,
  };
}

function layer7(l7: Fields): HubbleL7 {
  const type = text(l7.type);
  const phase = type === 'REQUEST' ? 'request' : type === 'RESPONSE' ? 'response' : 'exchange';
  if (isFields(l7.http)) {
    return { phase, kind: 'http', method: text(l7.http.method), url: text(l7.http.url), code: count(l7.http.code) };
  }
  if (isFields(l7.dns)) {
    const types = l7.dns.qtypes;
    return { phase, kind: 'dns', queryType: Array.isArray(types) ? text(types[0]) : '', rcode: count(l7.dns.rcode) };
  }
  if (isFields(l7.kafka)) {
    return {
      phase,
      kind: 'kafka',
      apiKey: text(l7.kafka.api_key ?? l7.kafka.apiKey),
      errorCode: count(l7.kafka.error_code ?? l7.kafka.errorCode),
    };
  }
  return { phase, kind: 'other' };
}

const none: Fields = {};

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function fields(value: unknown): Fields {
  return isFields(value) ? value : none;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** 0 where there is none; what is said and no number is refused as a port. */
function portOf(value: unknown): number {
  return value === undefined || value === null ? 0 : jsonNumberOf(value);
}

/** 64-bit numbers are texts in protobuf's JSON. */
function count(value: unknown): number {
  return jsonNumberOf(value) || 0;
}
