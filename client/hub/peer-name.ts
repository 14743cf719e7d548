/** Who a hub admits: the sensors of its cluster's nodes, and the agent that answers in pods. Each has services of its own. */
export type PeerKind = 'sensor' | 'agent';
export type HubPeer = Readonly<{ kind: PeerKind; name: string }>;

const schemes = { sensor: 'testudo-sensor:', agent: 'testudo-agent:' } as const satisfies Record<PeerKind, string>;
const kinds = Object.keys(schemes) as readonly PeerKind[];

/** A node's or a pod's name as Kubernetes has them (RFC 1123), and as file tokens may say it. */
export function isPeerName(text: string): boolean {
  return /^[a-zA-Z0-9](?:[a-zA-Z0-9._-]{0,251}[a-zA-Z0-9])?$/.test(text);
}

/** What stands in a peer's certificate. */
export function uriOfPeer({ kind, name }: HubPeer): string {
  return `${schemes[kind]}${name}`;
}

/** Whose certificate this is, by its subject's alternative names; undefined where it is nobody's. */
export function peerOfNames(subjectAltName: string | undefined): HubPeer | undefined {
  for (const kind of kinds) {
    const prefix = `URI:${schemes[kind]}`;
    if (subjectAltName?.startsWith(prefix) !== true) continue;
    const name = subjectAltName.slice(prefix.length);
    return isPeerName(name) ? { kind, name } : undefined;
  }
  return undefined;
}
