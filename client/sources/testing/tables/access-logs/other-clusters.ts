import type { ReaderCase } from '../../reader-case.ts';
import { flow, noDirection, orders, outside, peer, world } from './shop.ts';

const envoy = { tool: 'Envoy', versions: '1.5 to 1.35' };
const time = '2026-03-02T09:00:02.000Z';
const calls = { remote: '10.244.1.7:52000', local: '203.0.113.66:443', upstream: '203.0.113.66:443' };
const isCalled = { remote: '10.244.5.3:39000', local: '10.244.1.7:8080', upstream: '10.244.1.7:8080' };
const onLoopback = { remote: '127.0.0.1:52000', local: '127.0.0.1:9191' };

const text = (cluster: string, { remote, local, upstream } = calls) =>
  `[${time}] "GET /x HTTP/1.1" 200 - via_upstream - "-" 400 120 9 9 "-" "curl/8.9" "id-e0" "paste.example" "${upstream}" ${cluster} 10.244.1.7:41000 ${local} ${remote} - -`;
const json = (cluster: string, { remote, local, upstream } = calls) =>
  JSON.stringify({
    start_time: time,
    method: 'GET',
    path: '/x',
    protocol: 'HTTP/1.1',
    response_code: 200,
    response_flags: '-',
    upstream_cluster: cluster,
    upstream_host: upstream,
    downstream_local_address: local,
    downstream_remote_address: remote,
  });

const egress = flow({
  source: orders,
  destination: outside('203.0.113.66'),
  destinationPort: 443,
  seenAt: 'client',
  verdict: 'forwarded',
});
const called = flow({ source: peer, destination: orders, destinationPort: 8080, seenAt: 'server' });
const consulDb = flow({
  source: orders,
  destination: { kind: 'workload', namespace: 'default', workload: 'db' },
  destinationPort: 443,
  seenAt: 'client',
});
/** Of Envoy's examples, other control planes, and people. */
const others = [
  'egress',
  'original-dst',
  'dynamic_forward_proxy_cluster',
  'cds_egress_mesh_http_8080',
  'passthrough-external',
  'my|cluster|name',
  'service_b',
];

/** Clusters whose names are not plainly Istio's, in text. */
export const otherClustersInText: readonly ReaderCase[] = [
  {
    tool: 'Istio sidecar',
    versions: '1.9 to 1.28',
    shape: 'clusters by families of addresses, and with a name for statistics',
    lines: [
      text('PassthroughClusterIpv4'),
      text('PassthroughCluster;zone'),
      text('BlackHoleClusterIpv4'),
      text('outbound|443||api.payments.example;payments'),
      text('InboundPassthroughClusterIpv4', isCalled),
    ],
    items: [
      egress,
      egress,
      flow({ source: orders, destination: outside('203.0.113.66'), seenAt: 'client', verdict: 'dropped' }),
      flow({ source: orders, destination: outside('api.payments.example'), destinationPort: 443, seenAt: 'client' }),
      called,
    ],
  },
  {
    ...envoy,
    shape: 'clusters that somebody else named: told by the own address that a line gave, not before and not without it',
    lines: [
      text('egress'),
      text('inbound|8080||', isCalled),
      ...others.map((name) => text(name)),
      text('egress', { ...calls, remote: '10.244.5.3:52000' }),
      text('service_orders', isCalled),
    ],
    items: [noDirection, called, ...others.map(() => egress), noDirection, called],
  },
  {
    ...envoy,
    shape: 'clusters that somebody else named: a caller on loopback, a server there, both, a caller outside',
    lines: [
      text('service_b', { ...calls, ...onLoopback }),
      text('local_app', { ...isCalled, upstream: '127.0.0.1:8080' }),
      text('service_b', { ...onLoopback, upstream: '127.0.0.1:8080' }),
      text('service_orders', { ...isCalled, remote: '203.0.113.9:39000' }),
    ],
    items: [
      egress,
      called,
      noDirection,
      flow({ source: world, destination: orders, destinationPort: 8080, seenAt: 'server' }),
    ],
  },
  {
    tool: 'Consul',
    versions: '1.2 to 1.21',
    shape: "an upstream's listener on loopback: plain, of a subset, of a partition, as a failover",
    lines: [
      'db.default.dc1.internal.abc.consul',
      'v2.db.default.dc1.internal.abc.consul',
      'db.default.east.dc1.internal-v1.abc.consul',
      'failover-target~0~db.default.dc1.internal.abc.consul',
    ].map((name) => text(name, { ...calls, ...onLoopback })),
    items: [consulDb, consulDb, consulDb, consulDb],
  },
];

/** The same in JSON. */
export const otherClustersInJson: readonly ReaderCase[] = [
  {
    ...envoy,
    shape: 'clusters that somebody else named: told by the own address that a line gave, and not before',
    lines: [json('egress'), json('inbound|8080||', isCalled), ...others.map((name) => json(name))],
    items: [noDirection, called, ...others.map(() => egress)],
  },
];
