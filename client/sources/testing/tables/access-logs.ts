import { AddressBook } from '../../../recordings/address-book.ts';
import { meshAccessLog } from '../../flow/mesh-access-log.ts';
import type { ReaderTable } from '../reader-case.ts';

const orders = { kind: 'workload', namespace: 'shop', workload: 'orders' };
const mesh = { self: { namespace: 'shop', workload: 'orders' }, addresses: new AddressBook() };

/** Of the workload `orders` in the namespace `shop`. */
export const accessLogs: ReaderTable = {
  source: 'meshAccessLog',
  title: 'Access logs',
  format: 'text',
  notes: [],
  cases: [
    {
      tool: 'Istio sidecar',
      versions: '1.24 to 1.28',
      shape: 'text, called by another workload',
      lines: [
        '[2026-03-02T09:00:02.000Z] "POST /checkout HTTP/1.1" 200 - via_upstream - "-" 400 120 9 9 "-" "Go-http-client/1.1" "id-b0" "orders:8080" "10.244.1.7:8080" inbound|8080|| 127.0.0.6:40000 10.244.1.7:8080 10.244.5.3:39000 outbound_.8080_._.orders.shop.svc.cluster.local default',
      ],
      items: [
        {
          kind: 'flow',
          flow: {
            atMs: Date.parse('2026-03-02T09:00:02Z'),
            source: { kind: 'workload', workload: '10.244.5.3' },
            destination: orders,
            destinationPort: 8080,
            seenAt: 'server',
            verdict: 'forwarded',
            l7: { apiClass: 'http-write', method: 'POST', route: '/checkout', status: 'ok' },
            volume: { bytesOut: 400, bytesIn: 120, durationMs: 9 },
          },
        },
      ],
    },
  ],
  open: (path, follow) => meshAccessLog(path, { follow, mesh }),
};
