import { isIPv6 } from 'node:net';

/**
 * Whom caps by address count as one: an IPv4 address, or the /64 of an IPv6 address, since whoever has one of those has
 * 2^64 addresses (RFC 6177). IPv4 in IPv6's clothes is IPv4. What is no address stays as it is.
 */
export function networkOf(address: string): string {
  const plain = address.replace(/%.*$/, '');
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(plain);
  if (mapped?.[1] !== undefined) return mapped[1];
  if (!isIPv6(plain)) return plain;
  const [head = '', tail] = plain.toLowerCase().split('::');
  const before = head === '' ? [] : head.split(':');
  // A dotted end stands for two groups; only how many there are matters here.
  const after = tail === undefined || tail === '' ? [] : tail.replace(/\d+(?:\.\d+){3}/, '0:0').split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  const groups = [...before, ...Array.from({ length: zeros }, () => '0'), ...after];
  const prefix = groups.slice(0, 4).map((group) => group.replace(/^0+(?=.)/, ''));
  return `${prefix.join(':')}::/64`;
}
