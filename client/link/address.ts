import { isIP } from 'node:net';
import { ok, type Result, refuse } from '../../base/fault.ts';

/** Where a coordinator listens: `text` is what grpc-js takes and what logs show. */
export type Address = Readonly<{ host: string; port: number; text: string }>;

/** "host:port", "192.0.2.1:port" or "[2001:db8::1]:port". */
export function parseAddress(text: string): Result<Address, 'ADDRESS_INVALID'> {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?)):(\d{1,5})$/.exec(text);
  const [, ipv6, name, digits] = match ?? [];
  const host = ipv6 ?? name;
  const port = Number(digits);
  if (host === undefined || (ipv6 !== undefined && isIP(ipv6) !== 6) || port < 1 || port > 65_535) {
    return refuse(
      'ADDRESS_INVALID',
      `address: expected host:port with a port of 1 to 65535, such as coordinator.example:7443; got ${JSON.stringify(text.slice(0, 80))}`,
    );
  }
  return ok({ host, port, text });
}
