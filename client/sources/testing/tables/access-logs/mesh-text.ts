import type { ReaderTable } from '../../reader-case.ts';
import { otherClustersInText } from './other-clusters.ts';
import { badTime, flow, openOfOrders, orders, outside, peer, refused, stock, world } from './shop.ts';

const istio = { tool: 'Istio sidecar', versions: '1.9 to 1.28' };
const time = '[2026-03-02T09:00:02.000Z]';
const inbound = `${time} "POST /checkout HTTP/1.1" 200 - via_upstream - "-" 400 120 9 9 "-" "Go-http-client/1.1" "id-b0" "orders:8080" "10.244.1.7:8080" inbound|8080|| 127.0.0.6:40000 10.244.1.7:8080 10.244.5.3:39000 outbound_.8080_._.orders.shop.svc.cluster.local default`;
/** With one word of it exchanged. */
const inboundWith = (word: string, other: string) => inbound.replace(word, other);

const times = [
  '2026-03-02T99:00:02.000Z',
  '2026-02-31T09:00:02.000Z',
  '2026-02-29T09:00:02.000Z',
  '2026-04-31T09:00:02.000Z',
  '2026-03-02T24:00:00.000Z',
  '1970-01-01T00:00:00.000Z',
  '2999-01-01T00:00:00.000Z',
];

/** Envoy and Istio, in text. */
export const meshText: ReaderTable = {
  source: 'meshAccessLog',
  title: 'Access logs of meshes, in text',
  format: 'text',
  notes: [
    "Text can be forged by who is logged: Envoy writes paths and names of agents as they were sent, quotes included. A line whose quotes or number of words do not add up is counted as `FORGED_OR_BROKEN` and never guessed at. In JSON nobody can do that: use it where there is a choice (Istio's `accessLogEncoding: JSON`).",
    'The cluster tells the direction: `inbound|`, `inbound-vip|` and `InboundPassthroughCluster` come in; `outbound|`, `PassthroughCluster`, `BlackHoleCluster` and `-` go out, to their address. A line with `-` comes in where its own address, as other lines gave it, is the one that was called, where its caller is outside, and where a policy or a missing filter chain refused it.',
    "Clusters of other names, as other control planes and people give them, are read by the same addresses, and by loopback: who calls or is called there is the proxy's own workload. Where these do not tell the direction either, the line is counted as `DIRECTION_UNKNOWN`: give the workload's address in the source's `addresses`. Consul's `db.default.dc1.internal.….consul` goes out, to db; Envoy Gateway's `httproute/…` comes in.",
    "Dropped are `BlackHoleCluster`, the route `block_all`, what RBAC and external authorisation denied, and Envoy's flags RL, RLSE, UAEX, NR and NC.",
  ],
  open: openOfOrders,
  withAddress: (address) => [
    inboundWith(
      '10.244.5.3:39000',
      address.includes(':') && !address.startsWith('[') ? `[${address}]:39000` : `${address}:39000`,
    ),
  ],
  cases: [
    {
      ...istio,
      shape: 'called by another workload',
      lines: [inbound],
      items: [
        flow({
          atMs: Date.parse('2026-03-02T09:00:02Z'),
          source: peer,
          destination: orders,
          destinationPort: 8080,
          seenAt: 'server',
          verdict: 'forwarded',
          l7: { apiClass: 'http-write', method: 'POST', route: '/checkout', status: 'ok' },
          volume: { bytesOut: 400, bytesIn: 120, durationMs: 9 },
        }),
      ],
    },
    {
      ...istio,
      shape: 'calls a service',
      lines: [
        `${time} "GET /stock/7 HTTP/1.1" 503 UF,URX upstream_reset_before_response_started{remote_connection_failure,delayed_connect_error:_111} - "delayed_connect_error:_111" 0 120 3 - "-" "orders/1.0" "id-a0" "stock:8080" "10.244.2.9:8080" outbound|8080||stock.shop.svc.cluster.local 10.244.1.7:41000 10.96.3.4:8080 10.244.1.7:52000 - default`,
      ],
      items: [
        flow({
          source: orders,
          destination: stock,
          destinationPort: 8080,
          seenAt: 'client',
          verdict: 'forwarded',
          l7: { status: 'server-error' },
        }),
      ],
    },
    {
      ...istio,
      shape: 'egress that is allowed: PassthroughCluster, HTTP and TCP',
      lines: [
        `${time} "PUT /drop/1 HTTP/1.1" 200 - via_upstream - "-" 7340032 12 800 800 "-" "curl/8.9" "id-c0" "paste.example" "203.0.113.66:80" PassthroughCluster 10.244.1.7:41500 203.0.113.66:80 10.244.1.7:52500 - allow_any`,
        `${time} "- - -" 0 - - - "-" 9000000 5200 30000 - "-" "-" "-" "-" "203.0.113.66:4444" PassthroughCluster 10.244.1.7:41501 203.0.113.66:4444 10.244.1.7:52501 - -`,
      ],
      items: [
        flow({
          source: orders,
          destination: outside('203.0.113.66'),
          destinationPort: 80,
          seenAt: 'client',
          verdict: 'forwarded',
          volume: { bytesOut: 7_340_032 },
        }),
        flow({
          source: orders,
          destination: outside('203.0.113.66'),
          destinationPort: 4444,
          l7: undefined,
          volume: { bytesOut: 9_000_000, durationMs: 30_000 },
        }),
      ],
    },
    {
      ...istio,
      shape: 'egress that is blocked: BlackHoleCluster, and no cluster at all',
      lines: [
        `${time} "- - -" 0 UH - - "-" 0 0 0 - "-" "-" "-" "-" "-" BlackHoleCluster - 203.0.113.66:4444 10.244.1.7:52502 - -`,
        `${time} "- - -" 0 UH - - "-" 0 0 0 - "-" "-" "-" "-" "-" BlackHoleCluster - [2001:db8::66]:443 [fd00::7]:52502 paste.example -`,
        `${time} "GET / HTTP/1.1" 502 - direct_response - "-" 0 0 0 - "-" "curl/8.9" "id-d0" "paste.example" "-" - - 203.0.113.66:80 10.244.1.7:52503 - block_all`,
      ],
      items: [
        flow({ source: orders, destination: outside('203.0.113.66'), destinationPort: 4444, verdict: 'dropped' }),
        flow({ source: orders, destination: outside('2001:db8::66'), destinationPort: 443, verdict: 'dropped' }),
        flow({ source: orders, destination: outside('203.0.113.66'), destinationPort: 80, verdict: 'dropped' }),
      ],
    },
    ...otherClustersInText,
    {
      ...istio,
      shape: 'egress to a service entry',
      lines: [
        `${time} "GET / HTTP/2" 200 - via_upstream - "-" 0 9 3 3 "-" "curl/8.9" "id" "api.payments.example" "198.51.100.7:443" outbound|443||api.payments.example; 10.244.1.7:41502 198.51.100.7:443 10.244.1.7:52504 api.payments.example default`,
      ],
      items: [flow({ source: orders, destination: outside('api.payments.example'), destinationPort: 443 })],
    },
    {
      ...istio,
      shape: "clusters as gateways between clusters spell them, and a waypoint's own tunnels",
      lines: [
        `${time} "GET /stock/7 HTTP/2" 200 - via_upstream - "-" 0 9 3 3 "-" "curl/8.9" "id" "stock" "10.244.2.9:8080" outbound_.8080_._.stock.shop.svc.cluster.local 10.244.1.7:41502 10.96.3.4:8080 10.244.1.7:52504 - default`,
        `${time} "- - -" 0 - - - "-" 0 9 3 - "-" "-" "-" "-" "[fd00::9]:8080" outbound_.8080_.v1_.stock.shop.svc.cluster.local [fd00::7]:41502 [fd00::4]:8080 [fd00::7]:52504 outbound_.8080_.v1_.stock.shop.svc.cluster.local -`,
        `${time} "CONNECT - HTTP/2" 200 - via_upstream - "-" 10 20 5 - "-" "-" "-" "10.244.1.7:80" "envoy://main_internal/10.244.1.7:80" main_internal envoy://internal_client_address/ 10.244.1.9:15008 10.244.5.3:39100 - default`,
      ],
      items: [
        flow({ source: orders, destination: stock, destinationPort: 8080, seenAt: 'client' }),
        flow({ source: orders, destination: stock, destinationPort: 8080, seenAt: 'client' }),
        { kind: 'skipped', reason: 'IGNORED_EVENT_TYPE' },
      ],
    },
    {
      ...istio,
      shape: 'comes in on a port that no service names',
      lines: [
        `${time} "- - -" 0 - - - "-" 10 20 5 - "-" "-" "-" "-" "10.244.1.7:9999" InboundPassthroughCluster 127.0.0.6:40100 10.244.1.7:9999 10.244.5.3:39100 - -`,
      ],
      items: [
        flow({ source: peer, destination: orders, destinationPort: 9999, seenAt: 'server', verdict: 'forwarded' }),
      ],
    },
    {
      ...istio,
      shape: 'denied by an authorisation policy, HTTP and TCP',
      lines: [
        `${time} "GET /admin HTTP/1.1" 403 - rbac_access_denied_matched_policy[ns[shop]-policy[deny-all]-rule[0]] - "-" 0 19 0 - "-" "curl/8.9" "id" "orders:8080" "-" inbound|8080|| - 10.244.1.7:8080 10.244.5.3:39000 outbound_.8080_._.orders.shop.svc.cluster.local default`,
        `${time} "- - -" 0 UAEX - rbac_access_denied_matched_policy[none] "-" 0 0 0 - "-" "-" "-" "-" "-" inbound|5432|| - 10.244.1.7:5432 10.244.5.3:39001 - -`,
      ],
      items: [
        flow({ source: peer, destination: orders, destinationPort: 8080, verdict: 'dropped' }),
        flow({ source: peer, destination: orders, destinationPort: 5432, verdict: 'dropped', l7: undefined }),
      ],
    },
    {
      ...istio,
      shape: 'plain text where the mesh wants TLS, before any other line',
      lines: [
        `${time} "- - -" 0 NR filter_chain_not_found - "-" 0 0 0 - "-" "-" "-" "-" "-" - - 10.244.1.7:27017 10.244.5.3:36422 - -`,
      ],
      items: [
        flow({ source: peer, destination: orders, destinationPort: 27_017, seenAt: 'server', verdict: 'dropped' }),
      ],
    },
    {
      ...istio,
      shape: 'no route, told by the own address of the line before',
      lines: [
        inbound,
        `${time} "GET /nowhere HTTP/1.1" 404 NR route_not_found - "-" 0 0 0 - "-" "curl/8.9" "id" "orders" "-" - - 10.244.1.7:8080 10.244.5.3:39000 - -`,
        `${time} "GET /nowhere HTTP/1.1" 404 NR route_not_found - "-" 0 0 0 - "-" "orders/1.0" "id" "stock" "-" - - 10.96.3.4:8080 10.244.1.7:39000 - -`,
      ],
      items: [
        flow({ destination: orders }),
        flow({ source: peer, destination: orders, seenAt: 'server', verdict: 'dropped' }),
        flow({ source: orders, destination: { workload: '10.96.3.4' }, seenAt: 'client', verdict: 'dropped' }),
      ],
    },
    {
      tool: 'Istio ambient waypoint',
      versions: '1.22 to 1.28',
      shape: 'inbound-vip: a call through it to a service',
      lines: [
        `${time} "GET /ratings/0 HTTP/1.1" 200 - via_upstream - "-" 0 48 2 2 "-" "Go-http-client/1.1" "id" "stock:9080" "envoy://connect_originate/10.244.0.22:9080" inbound-vip|9080|http|stock.shop.svc.cluster.local envoy://internal_client_address/ 10.102.182.209:9080 10.244.5.3:51658 - default`,
      ],
      items: [
        flow({ source: peer, destination: stock, destinationPort: 9080, seenAt: 'server', verdict: 'forwarded' }),
      ],
    },
    {
      tool: 'Istio gateway',
      versions: '1.9 to 1.28',
      shape: 'ingress gateway to a service; a path that no route is for',
      lines: [
        `${time} "GET /cart/3 HTTP/2" 200 - via_upstream - "-" 0 48 2 2 "203.0.113.9" "Mozilla/5.0 (X11; Linux x86_64)" "id" "shop.example" "10.244.2.9:8080" outbound|8080|v1|stock.shop.svc.cluster.local 10.244.1.7:41000 10.244.1.7:8443 203.0.113.9:51658 shop.example -`,
        `${time} "GET /.env HTTP/1.1" 404 NR route_not_found - "-" 0 0 0 - "203.0.113.9" "curl/8.9" "id" "198.51.100.1" "-" - - 10.244.1.7:8080 203.0.113.9:51659 - -`,
      ],
      items: [
        flow({ source: orders, destination: stock, destinationPort: 8080, seenAt: 'client' }),
        flow({ source: world, destination: orders, destinationPort: 8080, seenAt: 'server', verdict: 'dropped' }),
      ],
    },
    {
      tool: 'Istio sidecar',
      versions: '1.3 to 1.8',
      shape: 'one reason before the numbers',
      lines: [
        `${time} "GET /status/418 HTTP/1.1" 418 - "-" 0 135 2 2 "-" "curl/7.69.1" "id" "orders:8000" "127.0.0.1:80" inbound|8000|| 127.0.0.1:52328 10.244.1.7:80 10.244.5.3:43430 outbound_.8000_._.orders.shop.svc.cluster.local default`,
      ],
      items: [flow({ source: peer, destination: orders, destinationPort: 8000, l7: { status: 'client-error' } })],
    },
    {
      tool: 'Istio sidecar',
      versions: 'before 1.3',
      shape: "the mixer's word and a reason, no route",
      lines: [
        `${time} "- - -" 0 - "-" "-" 2279 3059 63 - "-" "-" "-" "-" "203.0.113.4:443" PassthroughCluster 10.244.1.7:37018 203.0.113.4:443 10.244.1.7:39849 -`,
      ],
      items: [flow({ source: orders, destination: outside('203.0.113.4'), destinationPort: 443 })],
    },
    {
      tool: 'Envoy',
      versions: '1.31 to 1.35, and since 1.5',
      shape: 'its default, without a cluster: seen at the server',
      lines: [
        '[2026-03-02T09:00:02.310Z] "POST /api/v1/locations HTTP/2" 204 - 154 0 226 100 "10.0.35.28" "nsq2http" "cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2" "locations" "tcp://10.0.2.1:80"',
        '[2026-03-02T09:00:02.310Z] "GET / HTTP/1.1" 429 RL 0 0 1 - "-" "-" "id" "locations" "-"',
      ],
      items: [
        flow({
          source: { kind: 'unknown' },
          destination: orders,
          seenAt: 'server',
          verdict: 'forwarded',
          volume: { bytesOut: 154, bytesIn: 0, durationMs: 226 },
        }),
        flow({ destination: orders, verdict: 'dropped' }),
      ],
    },
    {
      ...istio,
      shape: 'as containers write it down, by CRI and by Docker',
      lines: [
        `2026-03-02T09:00:03.000000001Z stdout F ${inbound}`,
        JSON.stringify({ log: `${inbound}\n`, stream: 'stdout', time: '2026-03-02T09:00:03.1Z' }),
      ],
      items: [flow({ source: peer, destination: orders }), flow({ source: peer, destination: orders })],
    },
    {
      ...istio,
      shape: 'forged: an agent that goes on as the rest of a line, a path that brings its own, quotes that never end',
      lines: [
        inboundWith(
          'Go-http-client/1.1',
          'x" "id" "h" "10.9.9.9:1" outbound|80||paste.example 10.9.9.9:1 10.9.9.9:1 10.9.9.9:1 - default',
        ),
        inboundWith('/checkout', '/a HTTP/1.1" 200 - via_upstream - "-" 0 0 0 0 "-" "x" "id" "h" "10.9.9.9:1'),
        inboundWith('Go-http-client/1.1', 'x\\'),
        inboundWith('"Go-http-client/1.1"', '"Go-http-client/1.1'),
        inboundWith('"id-b0"', '"id"b0"'),
        `${inbound} and more`,
      ],
      items: [refused, refused, refused, refused, refused, refused],
    },
    {
      tool: 'any',
      versions: 'any',
      shape:
        'lines of other kinds in the same file, times that are none or that nobody can have meant, days and hours that there are none of, and a leap day',
      lines: [
        '2026-03-02T09:00:02.000000Z\tinfo\tEnvoy proxy is ready',
        '',
        '[2026-03-02T09:00:02.000Z][critical][main] [source/server/server.cc:133] caught SIGTERM',
        ...times.map((other) => inboundWith('2026-03-02T09:00:02.000Z', other)),
        inboundWith('2026-03-02T09:00:02.000Z', '2028-02-29T23:59:59.000Z'),
      ],
      items: [
        { kind: 'skipped', reason: 'NOT_AN_ACCESS_LOG_LINE' },
        { kind: 'skipped', reason: 'NOT_AN_ACCESS_LOG_LINE' },
        ...times.map(() => badTime),
        flow({ atMs: Date.parse('2028-02-29T23:59:59Z') }),
      ],
    },
  ],
};
