import { isIP } from 'node:net';
import { ok, type Result, refuse } from '../../base/fault.ts';

/** Where a coordinator listens: `text` is what grpc-js takes and what logs show. */
export type Address = Readonly<{ host: string; port: number; text: string }>;

/** The address of this attempt, counted from 0. */
export function inTurn(addresses: readonly [Address, ...Address[]], attempt: number): Address {
  return addresses[attempt % addresses.length] as Address;
}

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

/** The addresses of a coordinator and of its standbys, as one text: host:port, several with commas between. */
export function addressesIn(text: string): readonly [string, ...string[]] {
  const [first = '', ...others] = text.split(',').map((address) => address.trim());
  return [first, ...others.filter((address) => address !== '')];
}

/** As configurations say it: a text where it is one alone. */
export function oneOrMore(text: string): string | readonly string[] {
  const all = addressesIn(text);
  return all.length === 1 ? all[0] : all;
}
