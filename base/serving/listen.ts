import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';

/** Whether `listenOn` can take it: host:port, an IPv6 host in brackets, a port of at most 65,535. */
export function isListenAddress(text: string): boolean {
  const [, port] = /^(?:\[[0-9a-fA-F:.]+\]|[\w.-]+):(\d{1,5})$/.exec(text) ?? [];
  return port !== undefined && Number(port) <= 65_535;
}

/** What is asked for where it cannot. */
export const listenAddressWanted = 'expected host:port with a port up to 65535, such as 127.0.0.1:9464 or [::1]:9464';

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
