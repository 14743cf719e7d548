import { expect, it } from 'vitest';
import { networkProbesOf } from './network-probes.ts';

it('names the containers that the kubelet would start anew once their network is cut, and no others', () => {
  const containers = [
    { name: 'web', livenessProbe: { httpGet: { port: 80 }, periodSeconds: 1 } },
    { name: 'db', startupProbe: { tcpSocket: { port: 5432 } }, livenessProbe: { exec: { command: ['true'] } } },
    { name: 'rpc', livenessProbe: { grpc: { port: 1 } } },
    // That it is not ready costs it nothing: it is served to no more anyway.
    { name: 'quiet', readinessProbe: { httpGet: { port: 80 } } },
  ];
  expect(networkProbesOf({ spec: { containers } }).map((text) => text.split(' needs')[0])).toEqual([
    'container web: its livenessProbe (httpGet)',
    'container db: its startupProbe (tcpSocket)',
    'container rpc: its livenessProbe (grpc)',
  ]);
  for (const odd of [null, {}, { spec: { containers: 'none' } }, []]) expect(networkProbesOf(odd)).toEqual([]);
});
