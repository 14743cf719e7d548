import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';

/**
 * Binds a server to `address`: host:port, an IPv6 host in brackets, port 0 for one of the kernel's choice. Returns the port;
 * rejects with the system's error where it cannot be had.
 */
export async function listenOn(server: Server, address: string): Promise<number> {
  const at = address.lastIndexOf(':');
  server.listen(Number(address.slice(at + 1)), address.slice(0, at).replace(/^\[|\]$/g, ''));
  await once(server, 'listening'); // An error event rejects.
  return (server.address() as AddressInfo).port;
}
