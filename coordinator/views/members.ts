import { digestOf } from '../../proto/digest.ts';
import type { ClusterId, Digest } from '../../proto/ids.ts';
import type { Cluster, DoorMember, Operator, State, Token } from '../ledger/state/state.ts';

export type ClusterView = Readonly<
  Pick<Cluster, 'cluster' | 'status' | 'enrolledAtMs' | 'certificateExpiresAtMs' | 'quarantined' | 'labels'> & {
    connected: boolean;
    /** What its client says that it is; empty where it is not connected, or says nothing. */
    build: string;
    signingKeyDigest: Digest;
  }
>;
/** Without the digest of its secret. */
export type TokenView = Readonly<Pick<Token, 'tokenId' | 'cluster' | 'expiresAtMs' | 'usedAtMs' | 'revoked'>>;
export type OperatorView = Readonly<Pick<Operator, 'name' | 'role' | 'certificateExpiresAtMs' | 'removed'>>;

/** Every cluster, by name. */
export function clustersOf({ clusters }: Pick<State, 'clusters'>): readonly Cluster[] {
  return [...clusters.values()].sort((a, b) => (a.cluster < b.cluster ? -1 : 1));
}

export function clusterView(row: Cluster, buildOf: (cluster: ClusterId) => string | undefined): ClusterView {
  const { cluster, status, enrolledAtMs, certificateExpiresAtMs, quarantined, labels } = row;
  const build = buildOf(cluster);
  return {
    cluster,
    status,
    enrolledAtMs,
    certificateExpiresAtMs,
    quarantined,
    labels,
    connected: build !== undefined,
    build: build ?? '',
    signingKeyDigest: digestOf(Buffer.from(row.signingKey, 'base64')),
  };
}

/** Every token, newest first. */
export function tokensView({ tokens }: Pick<State, 'tokens'>): readonly TokenView[] {
  const newestFirst = [...tokens.values()].sort(
    (a, b) => b.mintedAtMs - a.mintedAtMs || (a.tokenId < b.tokenId ? -1 : 1),
  );
  return newestFirst.map(({ tokenId, cluster, expiresAtMs, usedAtMs, revoked }) => ({
    tokenId,
    cluster,
    expiresAtMs,
    usedAtMs,
    revoked,
  }));
}

/** Every door, by name; revoked ones too. */
export function doorsView({ doors }: Pick<State, 'doors'>): readonly DoorMember[] {
  return [...doors.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Every operator, by name; removed ones too. */
export function operatorsView({ operators }: Pick<State, 'operators'>): readonly OperatorView[] {
  const sorted = [...operators.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return sorted.map(({ name, role, certificateExpiresAtMs, removed }) => ({
    name,
    role,
    certificateExpiresAtMs,
    removed,
  }));
}
