import { withApproved } from '../../../proto/declared-classes.ts';
import type { ClusterId } from '../../../proto/ids.ts';
import type { MembershipEvent } from '../journal/events.ts';
import type { EntryContext, MutableState } from './mutable-state.ts';
import type { Cluster, DoorMember, Token } from './state.ts';

const earlierSerialsKept = 16;

export function foldMembership(state: MutableState, event: MembershipEvent, { atMs }: EntryContext): void {
  switch (event.kind) {
    case 'tokenMinted': {
      const { kind: _, ...token } = event;
      state.tokens.set(token.tokenId, { ...token, mintedAtMs: atMs, usedAtMs: null, revoked: false });
      noteUnused(unusedOf(state.tokens), token);
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
    case 'doorAdded': {
      const { kind: _, reason: __, ...door } = event;
      state.doors.set(door.name, { ...door, addedAtMs: atMs, revoked: false });
      return;
    }
    case 'doorRenewed': {
      const { certificateSerial, certificateExpiresAtMs } = event;
      replaceDoor(state, event.name, { certificateSerial, certificateExpiresAtMs });
      return;
    }
    case 'doorRevoked':
      replaceDoor(state, event.name, { revoked: true });
      return;
  }
}

/**
 * A token enrols whoever brings it, under the cluster's name: once the cluster is enrolled, or is no longer wanted, what was
 * minted before and waits unused would only serve who found it.
 */
function voidUnused({ tokens }: MutableState, cluster: ClusterId): void {
  const unused = unusedOf(tokens);
  for (const id of unused.get(cluster) ?? none) {
    const token = tokens.get(id);
    if (token === undefined || token.usedAtMs !== null || token.revoked) continue;
    tokens.set(id, { ...token, revoked: true });
  }
  unused.delete(cluster);
}

/** By cluster, the ids of tokens that may be unused still: an enrolment must not look through everybody's. */
type Unused = Map<ClusterId, Set<string>>;
const none: ReadonlySet<string> = new Set();
const unusedIn = new WeakMap<ReadonlyMap<string, Token>, Unused>();

function unusedOf(tokens: ReadonlyMap<string, Token>): Unused {
  const known = unusedIn.get(tokens);
  if (known !== undefined) return known;
  const unused: Unused = new Map();
  for (const token of tokens.values()) if (token.usedAtMs === null && !token.revoked) noteUnused(unused, token);
  unusedIn.set(tokens, unused);
  return unused;
}

function noteUnused(unused: Unused, { cluster, tokenId }: Pick<Token, 'cluster' | 'tokenId'>): void {
  const ids = unused.get(cluster) ?? new Set();
  unused.set(cluster, ids.add(tokenId));
}

function withSerial({ earlierSerials, certificateSerial }: Cluster): readonly string[] {
  return [...earlierSerials, certificateSerial].slice(-earlierSerialsKept);
}

function replaceDoor({ doors }: MutableState, name: string, change: Partial<DoorMember>): void {
  const door = doors.get(name);
  if (door === undefined) throw new Error(`fold: there is no door ${name}`);
  doors.set(name, { ...door, ...change });
}

function replaceCluster(state: MutableState, id: ClusterId, change: (cluster: Cluster) => Cluster): void {
  const cluster = state.clusters.get(id);
  if (cluster === undefined) throw new Error(`fold: there is no cluster ${id}`);
  state.clusters.set(id, change(cluster));
}
