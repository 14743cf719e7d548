import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';

/**
 * Ports of a loopback address for servers that are told where to listen, or that come back where they were. The kernel gives none of
 * them, neither to who listens on any port nor to who connects: one that it had given is soon another process's, and the
 * server does not start. All are held open at once, so that no two are the same.
 */
export async function lastingPorts(count: number, host = '127.0.0.1'): Promise<number[]> {
  const servers: Server[] = [];
  try {
    while (servers.length < count) {
      const server = createServer();
      // Somebody else's port is an error of the server's, by which this wait ends too.
      const heard = once(server, 'listening').then(
        () => true,
        () => false,
      );
      server.listen(randomInt(portMin, kernelsPortMin()), host);
      if (await heard) servers.push(server);
    }
    return servers.map((server) => (server.address() as { port: number }).port);
  } finally {
    await Promise.all(servers.map((server) => once(server.close(), 'close')));
  }
}

/** Above where well-known services listen. */
const portMin = 12_000;

/** The first port that this kernel gives by itself: 32,768 unless somebody changed it. */
function kernelsPortMin(): number {
  const [first = ''] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split('\t');
  const min = Number(first);
  if (min - portMin < 1_000)
    throw new Error(`the kernel gives ports from ${first} on: too few are left below for tests`);
  return min;
}
