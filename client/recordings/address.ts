import { isIP, SocketAddress } from 'node:net';

/** What a source calls one end of a connection. */
export type Endpoint = Readonly<{
  /** Canonical, or a host's name as it stands; empty where there is neither, as for a Unix socket. */
  host: string;
  isAddress: boolean;
  /** 0: none said. */
  port: number;
}>;

/** Of an address with brackets and zone: no interface has a name of more than 15 characters. */
const addressMax = 64;

const nowhere: Endpoint = { host: '', isAddress: false, port: 0 };

/**
 * The one spelling of an address that all readers use, by RFC 5952: no brackets, no zone, lower case, an IPv4 address in an
 * IPv6 one as itself. undefined: not an address.
 */
export function canonicalAddress(text: string): string | undefined {
  // Nearly every address: nothing to do.
  if (isIP(text) === 4) return text;
  if (text.length > addressMax) return undefined;
  const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text;
  const zone = bare.indexOf('%');
  const plain = zone === -1 ? bare : bare.slice(0, zone);
  if (isIP(plain) !== 6) return isIP(plain) === 4 && zone === -1 ? plain : undefined;
  const { address } = new SocketAddress({ address: plain, family: 'ipv6' });
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1];
  return mapped ?? address;
}

/**
 * An end as proxies write it: "10.0.0.1:80", "[2001:db8::1]:443", "::ffff:10.0.0.1", "fe80::1%eth0", "shop.example:8080",
 * behind a scheme ("tcp://", "http://", Envoy's "envoy://connect_originate/"). A bare IPv6 address has no port.
 */
export function endpointOf(text: string): Endpoint {
  const authority = authorityOf(text);
  if (authority === '' || authority === '-' || authority.startsWith('@')) return nowhere;
  const whole = canonicalAddress(authority);
  if (whole !== undefined) return { host: whole, isAddress: true, port: 0 };
  return endpointWithPort(authority);
}

/** As `endpointOf`, where a port always stands last, behind IPv6 addresses without brackets too: "2001:db8::1:54321". */
export function endpointWithPort(text: string): Endpoint {
  const colon = text.lastIndexOf(':');
  const port = portOf(text.slice(colon + 1));
  const host = colon === -1 || port === undefined ? text : text.slice(0, colon);
  const address = canonicalAddress(host);
  return { host: address ?? host, isAddress: address !== undefined, port: colon === -1 ? 0 : (port ?? 0) };
}

/** Without scheme and path. Envoy names what it reaches by another listener of its own behind that listener's name. */
function authorityOf(text: string): string {
  if (text.startsWith('/') || text.startsWith('unix:')) return '';
  const scheme = text.indexOf('://');
  if (scheme === -1) return text;
  const rest = text.slice(scheme + 3);
  if (text.startsWith('envoy://')) return rest.slice(rest.indexOf('/') + 1);
  const slash = rest.indexOf('/');
  return slash === -1 ? rest : rest.slice(0, slash);
}

/** undefined: no port. */
export function portOf(text: string): number | undefined {
  if (!/^\d{1,5}$/.test(text)) return undefined;
  const port = Number(text);
  return port <= 65_535 ? port : undefined;
}

/** What stands for the network of an address: 24 bits of IPv4, 48 of IPv6; empty for what is no address. */
export function networkOf(address: string): string {
  const kind = isIP(address);
  if (kind === 4) return address.slice(0, address.lastIndexOf('.'));
  if (kind === 0) return '';
  const [head = '', tail] = address.split('::', 2);
  const groups = head === '' ? [] : head.split(':');
  // "2001:db8::1" leaves out groups of zeros, which the first three may be.
  const whole = tail === undefined ? groups : [...groups, '0', '0', '0'];
  return whole.slice(0, 3).join(':');
}
