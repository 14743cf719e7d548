import { hubbleFile } from '../../flow/hubble-file.ts';
import type { ReaderCase, ReaderTable } from '../reader-case.ts';

const pay = { kind: 'workload', namespace: 'shop', workload: 'pay' };
const world = { kind: 'world', namespace: '', workload: '' };
const remoteNode = { kind: 'host', namespace: '', workload: 'remote-node' };
const apiServer = { kind: 'control', namespace: '', workload: 'kube-apiserver' };
const time = '2026-03-01T11:00:05.100000000Z';
const payEnd = {
  identity: 3_001,
  namespace: 'shop',
  labels: ['k8s:app=pay', 'k8s:io.kubernetes.pod.namespace=shop'],
  pod_name: 'pay-5d8c7b9d6f-x2x4z',
  workloads: [{ name: 'pay', kind: 'Deployment' }],
};

/** As the exporter writes it, with or without what its mask leaves out. */
function line(flow: object): string {
  return JSON.stringify({ flow, node_name: 'n1', time });
}

function toward(destination: object, address: string, over: object = {}): string {
  return line({
    time,
    uuid: `u-${address}`,
    verdict: 'FORWARDED',
    IP: { source: '10.1.0.7', destination: address, ipVersion: address.includes(':') ? 'IPv6' : 'IPv4' },
    l4: { TCP: { source_port: 40_000, destination_port: 443 } },
    source: payEnd,
    destination,
    Type: 'L3_L4',
    node_name: 'n1',
    traffic_direction: 'EGRESS',
    is_reply: false,
    ...over,
  });
}
/** As writers that do not keep the contract's names spell it. */
const camel = {
  time,
  uuid: 'u-camel',
  verdict: 'DROPPED',
  dropReasonDesc: 'POLICY_DENIED',
  IP: { source: '10.1.0.7', destination: '203.0.113.7' },
  l4: { TCP: { sourcePort: 40_000, destinationPort: 443 } },
  source: { ...payEnd, pod_name: undefined, workloads: [], podName: payEnd.pod_name },
  destination: { identity: 2 },
  Type: 'L3_L4',
  trafficDirection: 'EGRESS',
  isReply: { value: false },
};
const seen = (destination: object, over: object = {}) =>
  ({ kind: 'flow', flow: { source: pay, destination, seenAt: 'client', count: 1, ...over } }) as const;

const identities: readonly ReaderCase[] = [
  {
    tool: 'Cilium',
    versions: '1.11 to 1.18',
    shape: 'reserved identities',
    lines: [
      toward({ identity: 2, labels: ['reserved:world'] }, '203.0.113.7'),
      toward({ identity: 9, labels: ['reserved:world-ipv4'] }, '203.0.113.8'),
      toward({ identity: 10, labels: ['reserved:world-ipv6'] }, '2001:db8::8'),
      toward({ identity: 6, labels: ['reserved:remote-node'] }, '192.0.2.11'),
      toward({ identity: 7, labels: ['reserved:kube-apiserver', 'reserved:remote-node'] }, '192.0.2.10'),
      toward({ identity: 1, labels: ['reserved:host', 'reserved:kube-apiserver'] }, '192.0.2.12'),
      toward({ identity: 8, labels: ['reserved:ingress'] }, '10.1.0.90'),
      toward({ identity: 4, labels: ['reserved:health'] }, '10.1.0.91'),
      toward({ identity: 5, labels: ['reserved:init'] }, '10.1.0.92'),
      toward({ identity: 3, labels: ['reserved:unmanaged'] }, '10.1.0.93'),
    ],
    items: [
      seen(world),
      seen(world),
      seen(world),
      seen(remoteNode),
      seen(apiServer),
      seen({ kind: 'host', workload: '' }),
      seen({ kind: 'control', workload: 'ingress' }),
      seen({ kind: 'control', workload: 'health' }),
      seen({ kind: 'unknown', workload: 'init' }),
      seen({ kind: 'unknown', workload: 'unmanaged' }),
    ],
  },
  {
    tool: 'Cilium',
    versions: '1.13 to 1.18',
    shape: 'identities that a node gave out for itself once a CIDR, FQDN or node policy exists',
    lines: [
      toward({ identity: 16_777_219, labels: ['cidr:203.0.113.7/32', 'reserved:world'] }, '203.0.113.7'),
      toward({ identity: 16_777_231, labels: ['fqdn:api.pay.example', 'reserved:world'] }, '203.0.113.8'),
      toward({ identity: 16_777_300, labels: ['cidr:198.51.100.0/24', 'reserved:world-ipv4'] }, '198.51.100.4'),
      toward({ identity: 16_777_301, labels: ['cidrgroup:io.cilium.policy.cidrgroupname/partners'] }, '198.51.100.5'),
      toward({ identity: 33_554_436, labels: ['cidr:192.0.2.11/32', 'reserved:remote-node'] }, '192.0.2.11'),
      toward({ identity: 33_554_440, labels: ['reserved:kube-apiserver', 'reserved:remote-node'] }, '192.0.2.10'),
      toward(
        { identity: 16_777_240, labels: ['cidr:192.0.2.99/32', 'reserved:kube-apiserver', 'reserved:world'] },
        '192.0.2.99',
      ),
      toward({ identity: 16_777_219 }, '203.0.113.9'),
      toward({ identity: 33_554_436 }, '192.0.2.13'),
    ],
    items: [
      seen(world),
      seen(world),
      seen(world),
      seen(world),
      seen(remoteNode),
      seen(apiServer),
      seen(apiServer),
      seen(world),
      seen(remoteNode),
    ],
  },
  {
    tool: 'Cilium',
    versions: '1.12 to 1.18',
    shape: 'owners of pods by kind and name, before names of pods',
    lines: [
      toward({ ...payEnd, pod_name: 'x-9', workloads: [{ name: 'ledger', kind: 'StatefulSet' }] }, '10.1.0.20'),
      toward(
        { ...payEnd, pod_name: 'pay-5d8c7b9d6f-x2x4z', workloads: [{ name: 'pay-5d8c7b9d6f', kind: 'ReplicaSet' }] },
        '10.1.0.21',
      ),
      toward(
        { ...payEnd, pod_name: 'nightly-29212345-x2x4z', workloads: [{ name: 'nightly-29212345', kind: 'Job' }] },
        '10.1.0.22',
      ),
      toward(
        { ...payEnd, namespace: 'kube-system', pod_name: 'etcd-n1', workloads: [{ name: 'n1', kind: 'Node' }] },
        '10.1.0.23',
      ),
    ],
    items: [
      seen({ kind: 'workload', workload: 'ledger' }),
      seen(pay),
      seen({ kind: 'workload', workload: 'nightly' }),
      seen({ kind: 'workload', namespace: 'kube-system', workload: 'etcd' }),
    ],
  },
];

const exports: readonly ReaderCase[] = [
  {
    tool: 'Cilium',
    versions: '1.19',
    shape: 'aggregated export, counted by its counts',
    lines: [
      toward({ identity: 2 }, '203.0.113.7', { aggregate: { egress_flow_count: 41 } }),
      line({
        verdict: 'FORWARDED',
        source: { namespace: 'default', pod_name: 'web-pod' },
        destination: { namespace: 'default', pod_name: 'db-pod' },
        aggregate: { unknown_direction_flow_count: 3 },
      }),
      line({
        source: { namespace: 'default', pod_name: 'web-pod' },
        destination: { namespace: 'default', pod_name: 'db-pod' },
        aggregate: { ingress_flow_count: 5, egress_flow_count: 2 },
      }),
    ],
    items: [
      seen(world, { count: 41 }),
      { kind: 'flow', flow: { count: 3, seenAt: 'unknown', verdict: 'forwarded', atMs: Date.parse(time) } },
      { kind: 'flow', flow: { count: 2, seenAt: 'client' } },
      { kind: 'flow', flow: { count: 5, seenAt: 'server' } },
    ],
  },
  {
    tool: 'Cilium',
    versions: '1.15 to 1.19',
    shape: "exporter's field mask: time, type, verdict, addresses and ports left out",
    lines: [
      line({ source: payEnd, destination: { identity: 2 }, verdict: 'DROPPED' }),
      line({ IP: { source: '10.1.0.7', destination: '203.0.113.7' }, source: payEnd, destination: {} }),
      line({ source: payEnd, destination: payEnd, l7: { type: 'REQUEST', http: { method: 'GET', url: '/' } } }),
      line({ verdict: 'FORWARDED' }),
    ],
    items: [
      {
        kind: 'flow',
        flow: { atMs: Date.parse(time), destination: world, verdict: 'dropped', destinationPort: 0, id: '' },
      },
      { kind: 'flow', flow: { destination: { kind: 'unknown' }, verdict: 'unknown' } },
      { kind: 'flow', flow: { destination: pay, l7: { apiClass: 'http-read' } } },
      { kind: 'skipped', reason: 'MISSING_ENDPOINT' },
    ],
  },
  {
    tool: 'Cilium',
    versions: '1.10 to 1.18',
    shape: 'drops and verdicts of policies',
    lines: [
      toward({ identity: 2 }, '203.0.113.1', {
        verdict: 'DROPPED',
        drop_reason: 133,
        drop_reason_desc: 'POLICY_DENIED',
      }),
      toward({ identity: 2 }, '203.0.113.2', { verdict: 'DROPPED', drop_reason: 181 }),
      toward({ identity: 2 }, '203.0.113.3', { verdict: 'AUDIT', event_type: { type: 5 } }),
      toward({ identity: 2 }, '203.0.113.4', { verdict: 'REDIRECTED', proxy_port: 10_001 }),
      toward({ identity: 2 }, '203.0.113.5', { verdict: 'ERROR' }),
    ],
    items: [
      seen(world, { verdict: 'dropped', verdictReason: 'POLICY_DENIED' }),
      seen(world, { verdict: 'dropped', verdictReason: 'POLICY_DENY' }),
      seen(world, { verdict: 'audit' }),
      seen(world, { verdict: 'forwarded', verdictReason: 'REDIRECTED' }),
      seen(world, { verdict: 'error' }),
    ],
  },
  {
    tool: "writers of protobuf's JSON",
    versions: 'any',
    shape: 'names in camel case, booleans by their value, verdicts and reasons by number; a flow alone',
    lines: [
      JSON.stringify({ flow: camel, nodeName: 'n1', time }),
      JSON.stringify({
        flow: { ...camel, verdict: 2, dropReasonDesc: 181, Type: 1, isReply: {} },
        nodeName: 'n1',
        time,
      }),
      JSON.stringify({ flow: { ...camel, verdict: 5, dropReasonDesc: undefined, Type: 3 }, time }),
      JSON.stringify({ ...camel, IP: undefined, isReply: true }),
      JSON.stringify({ lostEvents: { numEventsLost: '3' }, nodeName: 'n1' }),
      JSON.stringify({ nodeStatus: { stateChange: 'NODE_CONNECTED' } }),
    ],
    items: [
      seen(world, {
        sourcePort: 40_000,
        destinationPort: 443,
        verdict: 'dropped',
        verdictReason: 'POLICY_DENIED',
        isReply: false,
        node: 'n1',
      }),
      seen(world, { destinationPort: 443, verdict: 'dropped', verdictReason: 'POLICY_DENY', isReply: false }),
      { kind: 'skipped', reason: 'IGNORED_EVENT_TYPE' },
      seen(world, { destinationPort: 443, verdict: 'dropped', isReply: true }),
      { kind: 'lost', count: 3 },
      { kind: 'skipped', reason: 'NODE_STATUS' },
    ],
  },
  {
    tool: 'Cilium',
    versions: 'any',
    shape: 'ports that are none, and times that nobody can have meant',
    lines: [
      toward({ identity: 2 }, '203.0.113.1', { l4: { TCP: { source_port: 40_000, destination_port: 70_000 } } }),
      toward({ identity: 2 }, '203.0.113.1', { l4: { UDP: { source_port: 'many', destination_port: 53 } } }),
      toward({ identity: 2 }, '203.0.113.1', { time: '1970-01-01T00:00:00Z' }),
      toward({ identity: 2 }, '203.0.113.1', { time: '2999-01-01T00:00:00Z' }),
    ],
    items: ['BAD_FIELD', 'BAD_FIELD', 'BAD_TIME', 'BAD_TIME'].map((reason) => ({ kind: 'skipped' as const, reason })),
  },
  {
    tool: 'Cilium',
    versions: '1.10 to 1.18',
    shape: 'calls of the seventh layer: HTTP, gRPC, DNS, Kafka',
    lines: [
      toward(payEnd, '10.1.0.8', {
        Type: 'L7',
        l7: { type: 'REQUEST', http: { method: 'GET', url: 'http://pay:8080/users/42?token=x', protocol: 'HTTP/1.1' } },
      }),
      toward(payEnd, '10.1.0.9', {
        Type: 'L7',
        l7: {
          type: 'RESPONSE',
          latency_ns: '2000000',
          http: { code: 503, method: 'POST', url: 'http://pay/shop.Pay/Do' },
        },
      }),
      toward(payEnd, '10.1.0.10', {
        Type: 'L7',
        l4: { UDP: { source_port: 40_000, destination_port: 53 } },
        l7: { type: 'RESPONSE', dns: { query: 'db.', rcode: 3, qtypes: ['A'] } },
      }),
      toward(payEnd, '10.1.0.11', { Type: 'L7', l7: { type: 'REQUEST', kafka: { api_key: 'produce' } } }),
    ],
    items: [
      seen(pay, { l7: { phase: 'request', apiClass: 'http-read', route: '/users/{}' } }),
      seen(pay, { l7: { phase: 'response', apiClass: 'grpc', status: 'server-error' } }),
      seen(pay, { protocol: 'udp', l7: { apiClass: 'dns', status: 'client-error' } }),
      seen(pay, { l7: { apiClass: 'other', route: 'produce' } }),
    ],
  },
  {
    tool: 'Cilium',
    versions: '1.10 to 1.18',
    shape: 'what is no flow, or no packet',
    lines: [
      '{"lost_events":{"source":"HUBBLE_RING_BUFFER","num_events_lost":"17"},"node_name":"n1"}',
      '{"node_status":{"state_change":"NODE_UNAVAILABLE","node_names":["n2"]}}',
      '{"agent_event":{"type":"POLICY_UPDATED"}}',
      toward({ identity: 2 }, '203.0.113.6', { Type: 'SOCK' }),
      '{"flow":{"time"',
    ],
    items: [
      { kind: 'lost', count: 17 },
      { kind: 'skipped', reason: 'NODE_STATUS' },
      { kind: 'skipped', reason: 'IGNORED_EVENT_TYPE' },
      { kind: 'skipped', reason: 'IGNORED_EVENT_TYPE' },
      { kind: 'skipped', reason: 'MALFORMED_JSON' },
    ],
  },
];

export const hubble: ReaderTable = {
  source: 'hubbleFile',
  title: "Hubble's flow exporter",
  format: 'json',
  notes: [
    'Who is at an end: the owner of the pod by kind and name, else its name without what a controller added, else its ' +
      'labels, else what its identity says: reserved labels before `cidr:` and `fqdn:` ones, numbers where a mask leaves ' +
      'the labels out.',
    'An aggregated line gives one flow for each side that saw some, with its count. The exporter writes it when its ' +
      'interval is over: set `latenessS` to that interval and 15 more.',
    'Fields that the exporter masks are read as absent. Without both ends a flow is skipped as `MISSING_ENDPOINT`.',
    '`hubbleGrpc` is read by the same code.',
  ],
  cases: [...identities, ...exports],
  open: (path, follow) => hubbleFile(path, follow),
  itemsOfLine: 'some',
};
