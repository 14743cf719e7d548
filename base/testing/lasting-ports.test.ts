import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { lastingPorts } from './lasting-ports.ts';

it('gives ports that are free, each once, of those that the kernel gives to nobody', async () => {
  const ports = await lastingPorts(50);
  expect(new Set(ports).size).toBe(50);
  const first = Number(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split('\t')[0]);
  expect(Math.max(...ports)).toBeLessThan(first);
  for (const port of ports) {
    const server = createServer().listen(port, '127.0.0.1');
    await once(server, 'listening');
    await once(server.close(), 'close');
  }
});
