import { BlockList, isIP } from 'node:net';
import type { EndKind, FlowEnd } from '../events/flow-record.ts';
import { canonicalAddress } from './address.ts';

/** Who is behind an address or a network. Without `workload`, each address of it is one of its own. */
export type AddressEntry = Readonly<{
  /** "10.0.0.7", "10.0.0.0/16", "fd00::/8". */
  network: string;
  kind?: EndKind | undefined;
  namespace?: string | undefined;
  workload?: string | undefined;
}>;

/** What addresses of the inside look like where nothing else is said (RFC 1918, 6598, 3927, 4193, 4291). */
const insideNetworks = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '169.254.0.0/16',
  '127.0.0.0/8',
  'fc00::/7',
  'fe80::/10',
  '::1/128',
];

/**
 * Names ends of sources that know only addresses: by the first entry that holds the address, then private addresses as
 * workloads under their own address, and everything else as the world. Names stay local, so an address may be one.
 * Throws on an entry that is not a network.
 */
export class AddressBook {
  readonly #entries: readonly { entry: AddressEntry; list: BlockList }[];
  readonly #inside = listOf(insideNetworks);
  /** Ends by address, so that equal addresses give the same object; emptied when full. */
  readonly #known = new Map<string, FlowEnd>();

  constructor(entries: readonly AddressEntry[] = []) {
    this.#entries = entries.map((entry) => ({ entry, list: listOf([entry.network]) }));
  }

  /** Of an address in any spelling; undefined: not an address. */
  endOf(text: string): FlowEnd | undefined {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const address = canonicalAddress(text);
    if (address === undefined) return undefined;
    if (this.#known.size >= 65_536) this.#known.clear();
    const end = this.#known.get(address) ?? this.#find(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
    this.#known.set(address, end);
    this.#known.set(text, end);
    return end;
  }

  #find(address: string, family: 'ipv4' | 'ipv6'): FlowEnd {
    const found = this.#entries.find(({ list }) => list.check(address, family))?.entry;
    if (found !== undefined) {
      const { kind = 'workload', namespace = '', workload } = found;
      return { kind, namespace, workload: workload ?? (kind === 'workload' ? address : '') };
    }
    if (this.#inside.check(address, family)) return { kind: 'workload', namespace: '', workload: address };
    return { kind: 'world', namespace: '', workload: '' };
  }
}

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [text = '', prefix] = network.split('/');
    const address = canonicalAddress(text) ?? '';
    const version = isIP(address);
    // Of an IPv4 network that is spelt as an IPv6 one, the last 32 bits count.
    const spare = version === 4 && isIP(text) === 6 ? 96 : 0;
    const bits = prefix === undefined ? (version === 6 ? 128 : 32) : Number(prefix) - spare;
    if (version === 0 || !Number.isInteger(bits) || bits < 0 || bits > (version === 6 ? 128 : 32)) {
      throw new RangeError(
        `network: expected an address or CIDR such as "10.0.0.0/16", got ${JSON.stringify(network)}`,
      );
    }
    list.addSubnet(address, bits, version === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}
