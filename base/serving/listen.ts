import { once } from 'node:events';
import { type AddressInfo, isIP, type Server } from 'node:net';

/** Whether `listenOn` can take it: host:port, an IPv6 host in brackets, a port of at most 65,535. */
export function isListenAddress(text: string): boolean {
  const [, port] = /^(?:\[[0-9a-fA-F:.]+\]|[\w.-]+):(\d{1,5})$/.exec(text) ?? [];
  return port !== undefined && Number(port) <= 65_535;
}

/** A host without a port, as a certificate may carry it: a lower-case name, or an IP address. */
export function isHostName(text: string): boolean {
  return isIP(text) !== 0 || /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/.test(text);
}

/** Of host:port; an IPv6 host keeps its brackets. */
export function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':'));
}

/** What is asked for where it cannot. */
export const listenAddressWanted = 'expected host:port with a port up to 65535, such as 127.0.0.1:9464 or [::1]:9464';

/** What is wrong with these addresses of one process, by the names of their settings: two have one port. null: not used. */
export function problemsOfPorts(addresses: Readonly<Record<string, string | null | undefined>>): string[] {
  const problems: string[] = [];
  const taken = new Map<string, string>();
  for (const [name, address] of Object.entries(addresses)) {
    const port = address?.slice(address.lastIndexOf(':') + 1);
    if (port === undefined || port === '0') continue; // The kernel gives each its own.
    const other = taken.get(port);
    if (other !== undefined) problems.push(`${name} and ${other} have the same port ${port}`);
    taken.set(port, name);
  }
  return problems;
}

/**
 * Binds a server to `address`: host:port, an IPv6 host in brackets, port 0 for one of the kernel's choice. Returns the port;
 * rejects with the system's error where it cannot be had.
 */
export async function listenOn(server: Server, address: string): Promise<number> {
  const at = address.lastIndexOf(':');
  server.listen(Number(address.slice(at + 1)), hostOf(address).replace(/^\[|\]$/g, ''));
  await once(server, 'listening'); // An error event rejects.
  return (server.address() as AddressInfo).port;
}
