import type { ReaderTable } from '../../reader-case.ts';
import { badField, badTime, flow, openOfOrders, orders, peer, refused, world } from './shop.ts';

const combined =
  '203.0.113.9 - frank [10/Oct/2026:13:55:36 -0700] "DELETE /cart/12 HTTP/1.1" 204 2326 "http://shop.example/" "Mozilla/5.0 (X11; Linux x86_64)"';
const atMs = Date.parse('2026-10-10T20:55:36Z');
const haproxyBare =
  '10.244.5.3:33317 [06/Feb/2026:12:14:14.655] http-in static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {shop.example} {} "GET /index.html HTTP/1.1"';

const haproxy = `Feb  6 12:14:14 localhost haproxy[14389]: ${haproxyBare}`;
const noCall = { kind: 'skipped' as const, reason: 'NOT_AN_ACCESS_LOG_LINE' };

/** NGINX, HAProxy, Traefik and Apache, in text. */
export const gatewayText: ReaderTable = {
  source: 'meshAccessLog',
  title: 'Access logs of gateways, in text',
  format: 'text',
  notes: [
    'A gateway is the workload that is named in the settings: each line is a call of its client to it.',
    "Where a format puts `X-Forwarded-For` in the client's place, the last address counts: the nearest proxy wrote it, and the caller may have written the others. A host's name is an unknown end of that name; what is neither is counted as `BAD_FIELD`.",
    "HAProxy's dates have no time zone, and are read as UTC. Set its `log-format` to `%T`, or the clock of its host to UTC.",
    'Forged lines are refused as in the text of meshes. NGINX, Apache and HAProxy encode the quotes of those who are logged.',
  ],
  open: openOfOrders,
  withAddress: (address) => [combined.replace('203.0.113.9', address)],
  cases: [
    {
      tool: 'NGINX, Apache',
      versions: 'any',
      shape: 'common and combined, with who it was forwarded for, behind a virtual host, and as Docker wraps it',
      lines: [
        '203.0.113.9 - - [10/Oct/2026:13:55:36 -0700] "GET /a HTTP/1.0" 200 -',
        combined,
        `${combined} "198.51.100.7, 10.0.0.1"`,
        `shop.example:443 ${combined}`,
        `${combined} 512 0.012`,
        JSON.stringify({ log: `${combined}\n`, stream: 'stdout', time: '2026-10-10T20:55:36.1Z' }),
      ],
      items: [
        flow({
          atMs,
          source: world,
          destination: orders,
          seenAt: 'server',
          l7: { apiClass: 'http-read', route: '/a' },
        }),
        flow({ atMs, source: world, destination: orders, l7: { apiClass: 'http-delete', route: '/cart/{}' } }),
        flow({ source: world, destination: orders, volume: { bytesIn: 2326 } }),
        flow({ source: world, destination: orders }),
        flow({ source: world, destination: orders }),
        flow({ atMs, source: world, destination: orders, volume: { bytesIn: 2326 } }),
      ],
    },
    {
      tool: 'NGINX, Apache',
      versions: 'any',
      shape: "who it was forwarded for in the address's place, a host's name, a Unix socket, and what is none of them",
      lines: [
        '198.51.100.7, 203.0.113.9',
        '198.51.100.7,10.244.5.3',
        'shop.example:443 10.244.5.3, ::ffff:203.0.113.9',
        'a.example, b.example',
        'unix:',
        '198.51.100.7, %0',
        '10.244.5.3:',
      ].map((remote) => combined.replace('203.0.113.9', remote)),
      items: [
        flow({ source: world, destination: orders }),
        flow({ source: peer, destination: orders }),
        flow({ source: world, destination: orders }),
        flow({ source: { kind: 'unknown', namespace: '', workload: 'b.example' }, destination: orders }),
        flow({ source: { kind: 'unknown', namespace: '', workload: '' }, destination: orders }),
        badField,
        flow({ source: peer }),
      ],
    },
    {
      tool: 'NGINX',
      versions: 'any',
      shape: 'requests that are none: a TLS greeting to a plain port, and a connection that said nothing',
      lines: [
        '203.0.113.9 - - [10/Oct/2026:13:55:36 -0700] "\\x16\\x03\\x01\\x00\\xF8\\x01" 400 157 "-" "-"',
        '203.0.113.9 - - [10/Oct/2026:13:55:36 -0700] "" 408 0 "-" "-"',
        '203.0.113.9 - - [10/Oct/2026:13:55:36 -0700] "-" 408 0 "-" "-"',
      ],
      items: [
        flow({ source: world, l7: { status: 'client-error' } }),
        flow({ source: world, l7: undefined }),
        flow({ source: world, l7: undefined }),
      ],
    },
    {
      tool: 'ingress-nginx',
      versions: '0.24 to 1.13, and before',
      shape: 'its default, with one server, several that were tried, and none',
      lines: [
        `${combined} 512 0.012 [shop-orders-8080] [] 10.244.2.9:8080 2326 0.011 204 0a1b2c3d`,
        `${combined} 512 0.012 [shop-orders-8080] [] 10.244.2.9:8080, 10.244.2.8:8080 0, 2326 0.001, 0.010 502, 204 0a1b2c3d`,
        `${combined} 512 0.012 [shop-orders-8080] [] 10.244.2.9:8080 : 10.244.2.8:8080 0 : 2326 0.001 : 0.010 502 : 204 0a1b2c3d`,
        `${combined} 512 0.012 [shop-orders-8080] 10.244.2.9:8080 2326 0.011 204 0a1b2c3d`,
        `${combined} 512 0.012 [] [] - - - - 0a1b2c3d`,
      ],
      items: [
        flow({
          id: '0a1b2c3d server orders:0',
          source: world,
          volume: { bytesOut: 512, bytesIn: 2326, durationMs: 12 },
        }),
        flow({ source: world, volume: { durationMs: 12 } }),
        flow({ source: world, volume: { durationMs: 12 } }),
        flow({ source: world, volume: { durationMs: 12 } }),
        flow({ source: world, destination: orders }),
      ],
    },
    {
      tool: 'Traefik',
      versions: '2.0 to 3.5',
      shape: 'common log format with router, server and duration',
      lines: [
        `${combined} 17 "shop-orders@kubernetes" "http://10.244.2.9:8080" 14ms`,
        '10.244.5.3 - - [10/Oct/2026:13:55:36 +0000] "GET / HTTP/2.0" 404 19 "-" "-" 18 "-" "-" 0ms',
      ],
      items: [
        flow({ source: world, destination: orders, volume: { durationMs: 14 } }),
        flow({ source: peer, destination: orders, l7: { status: 'client-error' } }),
      ],
    },
    {
      tool: 'HAProxy',
      versions: '1.5 to 3.2',
      shape: 'httplog, with and without syslog and captured headers; httpslog',
      lines: [
        haproxy,
        '10.244.5.3:33317 [06/Feb/2026:12:14:14.655] http-in~ static/srv1 10/0/30/69/+109 200 +2750 - - ---- 1/1/1/1/0 0/0 "GET /index.html HTTP/1.1"',
        `${haproxy} 0/0000000000000000/0/0/0 -/TLSv1.3/TLS_AES_256_GCM_SHA384`,
        '::ffff:10.244.5.3:33317 [06/Feb/2026:12:14:14.655] http-in static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 "GET / HTTP/1.1"',
      ],
      items: [
        flow({
          atMs: Date.parse('2026-02-06T12:14:14.655Z'),
          source: peer,
          destination: orders,
          seenAt: 'server',
          verdict: 'forwarded',
          l7: { method: 'GET', status: 'ok' },
          volume: { bytesIn: 2750, durationMs: 109 },
        }),
        flow({ source: peer, volume: { bytesIn: 2750, durationMs: 109 } }),
        flow({ source: peer, destination: orders }),
        flow({ source: peer, destination: orders }),
      ],
    },
    {
      tool: 'HAProxy',
      versions: '1.5 to 3.2',
      shape:
        "behind RFC 5424's header: with a program's name of one's own, with structured data; as Docker wraps it; RFC 3164's with a priority",
      lines: [
        `<134>1 2026-02-06T12:14:14.655Z lb haproxy 123 - - ${haproxyBare}`,
        `<134>1 2026-02-06T12:14:14.655Z lb edge - - [origin@32473 ip="192.0.2.1"][meta@32473 n="7"] ${haproxyBare}`,
        JSON.stringify({
          log: `<134>1 2026-02-06T12:14:14.655Z lb haproxy 123 - - ${haproxyBare}\n`,
          stream: 'stdout',
        }),
        `<134>${haproxy}`,
      ],
      items: [
        flow({
          atMs: Date.parse('2026-02-06T12:14:14.655Z'),
          source: peer,
          destination: orders,
          l7: { method: 'GET', route: '/index.html', status: 'ok' },
          volume: { bytesIn: 2750, durationMs: 109 },
        }),
        flow({ source: peer, destination: orders, volume: { bytesIn: 2750 } }),
        flow({ source: peer, destination: orders, volume: { bytesIn: 2750 } }),
        flow({ source: peer, destination: orders, volume: { bytesIn: 2750 } }),
      ],
    },
    {
      tool: 'HAProxy',
      versions: '1.5 to 3.2',
      shape: 'handshakes that failed, which are no calls',
      lines: [
        '10.244.5.3:33317 [06/Feb/2026:12:14:18.655] http-in/1: SSL handshake failure',
        '10.244.5.3:33317 [06/Feb/2026:12:14:18.655] http-in/1: Connection closed during SSL handshake',
        'Feb  6 12:14:18 lb haproxy[1]: 10.244.5.3:33317 [06/Feb/2026:12:14:18.655] http-in/<LISTENER-1>: SSL handshake failure (error:0A000416)',
        '<134>1 2026-02-06T12:14:18Z lb haproxy 1 - - 10.244.5.3:33317 [06/Feb/2026:12:14:18.655] http-in/1: SSL handshake failure',
        '10.244.5.3:33317 [06/Feb/2026:12:14:18.655] http-in/1: "SSL handshake failure',
      ],
      items: [noCall, noCall, noCall, noCall, refused],
    },
    {
      tool: 'HAProxy',
      versions: '1.5 to 3.2',
      shape: 'refused by a rule, by the tarpit, a request that is none, tcplog',
      lines: [
        '10.244.5.3:33318 [06/Feb/2026:12:14:15.655] http-in http-in/<NOSRV> 0/-1/-1/-1/0 403 192 - - PR-- 1/1/0/0/0 0/0 "GET /admin HTTP/1.1"',
        '10.244.5.3:33318 [06/Feb/2026:12:14:15.655] http-in http-in/<NOSRV> 0/-1/-1/-1/10000 500 192 - - PT-- 1/1/0/0/0 0/0 "GET /admin HTTP/1.1"',
        '10.244.5.3:33319 [06/Feb/2026:12:14:16.655] http-in http-in/<NOSRV> -1/-1/-1/-1/0 400 0 - - PR-- 1/1/0/0/0 0/0 "<BADREQ>"',
        '10.244.5.3:33313 [06/Feb/2026:12:12:51.443] fnt bck/srv1 0/0/5007 212 -- 0/0/0/0/3 0/0',
      ],
      items: [
        flow({ source: peer, verdict: 'dropped', l7: { status: 'client-error' } }),
        flow({ source: peer, verdict: 'dropped', l7: { status: 'server-error' } }),
        flow({ source: peer, verdict: 'dropped' }),
        flow({ source: peer, verdict: 'forwarded', l7: undefined, volume: { bytesIn: 212, durationMs: 5007 } }),
      ],
    },
    {
      tool: 'NGINX, HAProxy',
      versions: 'any',
      shape: 'days and hours that there are none of, years that nobody can have meant',
      lines: [
        combined.replace('2026', '1970'),
        combined.replace('2026', '2999'),
        combined.replace('10/Oct/2026', '31/Feb/2026'),
        combined.replace('13:55:36', '24:00:00'),
        haproxy.replace('06/Feb/2026', '30/Feb/2026'),
      ],
      items: [badTime, badTime, badTime, badTime, badTime],
    },
    {
      tool: 'any',
      versions: 'any',
      shape: 'forged: a request that brings the rest of a line, a quote that never ends, a word too many',
      lines: [
        '203.0.113.9 - - [10/Oct/2026:13:55:36 -0700] "GET /a HTTP/1.1" 200 5 "-" "x HTTP/1.1" 404 10 "-" "curl"',
        '203.0.113.9 - - [10/Oct/2026:13:55:36 -0700] "GET /a HTTP/1.1" 200 5 "-" " HTTP/1.1" 404 10',
        '203.0.113.9 - - [10/Oct/2026:13:55:36 -0700] "GET /a HTTP/1.1 200 5',
        '203.0.113.9 - a b [10/Oct/2026:13:55:36 -0700] "GET /a HTTP/1.1" 200 5',
        `${haproxy} "more`,
      ],
      items: [refused, refused, refused, refused, refused],
    },
  ],
};
