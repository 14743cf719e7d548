import { withApproved } from '../../../proto/declared-classes.ts';
import type { ClusterId } from '../../../proto/ids.ts';
import type { MembershipEvent } from '../journal/events.ts';
import type { EntryContext, MutableState } from './mutable-state.ts';
import type { Cluster } from './state.ts';

const earlierSerialsKept = 16;

export function foldMembership(state: MutableState, event: MembershipEvent, { atMs }: EntryContext): void {
  switch (event.kind) {
    case 'tokenMinted': {
      const { kind: _, ...token } = event;
      state.tokens.set(token.tokenId, { ...token, mintedAtMs: atMs, usedAtMs: null, revoked: false });
      return;
    }
    case 'tokenRevoked': {
      const token = state.tokens.get(event.tokenId);
      if (token === undefined) throw new Error(`fold: there is no token ${event.tokenId}`);
      state.tokens.set(event.tokenId, { ...token, revoked: true });
      return;
    }
    case 'clusterEnrolled': {
      const token = state.tokens.get(event.tokenId);
      if (token === undefined || token.usedAtMs !== null) throw new Error(`fold: token ${event.tokenId} enrols twice`);
      state.tokens.set(event.tokenId, { ...token, usedAtMs: atMs });
      voidUnused(state, event.cluster);
      const earlier = state.clusters.get(event.cluster);
      const { cluster, signingKey, certificateSerial, certificateExpiresAtMs, labels } = event;
      state.clusters.set(cluster, {
        cluster,
        status: 'enrolled',
        enrolledAtMs: atMs,
        signingKey,
        certificateSerial,
        certificateExpiresAtMs,
        earlierSerials: earlier === undefined ? [] : withSerial(earlier),
        quarantined: earlier?.quarantined ?? false,
        labels,
        evidence: earlier?.evidence ?? [],
        revokedBecause: null,
      });
      return;
    }
    case 'certificateRenewed':
    case 'clusterRejoined':
      replaceCluster(state, event.cluster, (cluster) => ({
        ...cluster,
        certificateSerial: event.certificateSerial,
        certificateExpiresAtMs: event.certificateExpiresAtMs,
        earlierSerials: withSerial(cluster),
      }));
      return;
    case 'clusterRevoked':
      voidUnused(state, event.cluster);
      replaceCluster(state, event.cluster, (cluster) => ({
        ...cluster,
        status: 'revoked',
        revokedBecause: event.reason,
      }));
      return;
    case 'quarantineSet':
      replaceCluster(state, event.cluster, (cluster) => ({ ...cluster, quarantined: event.quarantined }));
      return;
    case 'labelsSet':
      replaceCluster(state, event.cluster, (cluster) => ({ ...cluster, labels: event.labels }));
      return;
    case 'classesApproved':
      replaceCluster(state, event.cluster, (cluster) => ({
        ...cluster,
        labels: withApproved(cluster.labels, event.classes),
      }));
      return;
    case 'operatorAdded': {
      const { kind: _, ...operator } = event;
      state.operators.set(operator.name, { ...operator, removed: false });
      return;
    }
    case 'operatorRemoved': {
      const operator = state.operators.get(event.name);
      if (operator === undefined) throw new Error(`fold: there is no operator ${event.name}`);
      state.operators.set(event.name, { ...operator, removed: true });
      return;
    }
  }
}

/**
 * A token enrols whoever brings it, under the cluster's name: once the cluster is enrolled, or is no longer wanted, what was
 * minted before and waits unused would only serve who found it.
 */
function voidUnused(state: MutableState, cluster: ClusterId): void {
  for (const token of state.tokens.values()) {
    if (token.cluster !== cluster || token.usedAtMs !== null || token.revoked) continue;
    state.tokens.set(token.tokenId, { ...token, revoked: true });
  }
}

function withSerial({ earlierSerials, certificateSerial }: Cluster): readonly string[] {
  return [...earlierSerials, certificateSerial].slice(-earlierSerialsKept);
}

function replaceCluster(state: MutableState, id: ClusterId, change: (cluster: Cluster) => Cluster): void {
  const cluster = state.clusters.get(id);
  if (cluster === undefined) throw new Error(`fold: there is no cluster ${id}`);
  state.clusters.set(id, change(cluster));
}
