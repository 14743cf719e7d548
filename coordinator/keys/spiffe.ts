import { type ClusterId, type FederationId, isClusterId, isFederationId } from '../../proto/ids.ts';
import type { OperatorRole } from '../ledger/journal/events.ts';

/** Who a certificate speaks for. It is its only name: subjects and fields of messages say nothing. */
export type Identity = Readonly<
  | { kind: 'cluster'; federation: FederationId; cluster: ClusterId }
  | { kind: 'operator'; federation: FederationId; name: string; role: OperatorRole }
  | { kind: 'coordinator'; federation: FederationId }
  | { kind: 'door'; federation: FederationId; name: string }
>;

const operatorName = /^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?$/;
const roles: ReadonlySet<string> = new Set<OperatorRole>(['viewer', 'operator', 'admin']);

export function isOperatorName(text: string): boolean {
  return operatorName.test(text);
}

export function isDoorName(text: string | undefined): text is string {
  return isClusterId(text);
}

function isOperatorRole(text: string): text is OperatorRole {
  return roles.has(text);
}

/** The SPIFFE id of an identity: "spiffe://herd/cluster/eu-west-1", "spiffe://herd/operator/ada/admin", "spiffe://herd/door/edge". */
export function spiffeId(identity: Identity): string {
  const base = `spiffe://${identity.federation}`;
  switch (identity.kind) {
    case 'cluster':
      return `${base}/cluster/${identity.cluster}`;
    case 'operator':
      return `${base}/operator/${identity.name}/${identity.role}`;
    case 'coordinator':
      return `${base}/coordinator`;
    case 'door':
      return `${base}/door/${identity.name}`;
  }
}

/** The identity that exactly this text stands for; undefined when it stands for none. */
export function parseSpiffeId(text: string): Identity | undefined {
  const match = /^spiffe:\/\/([^/]+)\/(cluster|operator|coordinator|door)(?:\/([^/]+))?(?:\/([^/]+))?$/.exec(text);
  if (match === null) return undefined;
  const [, federation, kind, name, role] = match;
  if (!isFederationId(federation)) return undefined;
  if (kind === 'coordinator' && name === undefined) return { kind, federation };
  if (kind === 'cluster' && isClusterId(name) && role === undefined) return { kind, federation, cluster: name };
  if (kind === 'door' && isDoorName(name) && role === undefined) return { kind, federation, name };
  if (kind !== 'operator' || name === undefined || role === undefined) return undefined;
  return isOperatorName(name) && isOperatorRole(role) ? { kind, federation, name, role } : undefined;
}
