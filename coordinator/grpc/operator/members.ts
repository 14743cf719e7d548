import { ok } from '../../../base/fault.ts';
import { digestOf } from '../../../proto/digest.ts';
import type { Label } from '../../../proto/generated/testudo/v1/common.ts';
import {
  type Cluster as ClusterMessage,
  ClusterStatus,
  type CreateTokenRequest,
  type CreateTokenResponse,
  type ListClustersRequest,
  type ListClustersResponse,
  type ListTokensRequest,
  type ListTokensResponse,
  type RevokeClusterRequest,
  type RevokeClusterResponse,
  type RevokeTokenRequest,
  type RevokeTokenResponse,
  type SetQuarantineRequest,
  type SetQuarantineResponse,
} from '../../../proto/generated/testudo/v1/operator.ts';
import { isClusterId } from '../../../proto/ids.ts';
import { calls } from '../../access/calls.ts';
import type { Labels } from '../../ledger/journal/events.ts';
import type { Cluster, Token } from '../../ledger/state/state.ts';
import type { Membership } from '../../members/membership.ts';
import type { Engine } from '../../rounds/engine.ts';
import type { Door } from '../door.ts';
import { checkId, checkReason, invalid, ms, pageOf } from './requests.ts';
import { sequenceOf } from './sequence.ts';

const labelsMax = 32;
const tokenSecondsMin = 60;
const tokenSecondsMax = 2_592_000;
const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** Clusters and tokens. */
export function memberHandlers(door: Door, engine: Engine, membership: Membership) {
  return {
    listClusters: door.unary<'viewer', ListClustersRequest, ListClustersResponse>(
      calls.operator.listClusters,
      async ({ page }) => {
        const sorted = [...engine.state().clusters.values()].sort((a, b) => (a.cluster < b.cluster ? -1 : 1));
        const paged = pageOf(sorted, page, ({ cluster }) => cluster);
        if (!paged.ok) return paged;
        const clusters = paged.value.rows.map((row) => clusterMessage(row, engine.isConnected(row.cluster)));
        return ok({ clusters, nextPage: paged.value.nextPage });
      },
    ),

    revokeCluster: door.unary<'admin', RevokeClusterRequest, RevokeClusterResponse>(
      calls.operator.revokeCluster,
      async ({ cluster, reason }, { actor }) => {
        const id = checkId('cluster', cluster, isClusterId);
        if (!id.ok) return id;
        const unreasoned = checkReason(reason);
        if (unreasoned !== undefined) return unreasoned;
        return sequenceOf(engine, await membership.revokeCluster(actor, id.value, reason));
      },
    ),

    setQuarantine: door.unary<'operator', SetQuarantineRequest, SetQuarantineResponse>(
      calls.operator.setQuarantine,
      async ({ cluster, quarantined, reason }, { actor }) => {
        const id = checkId('cluster', cluster, isClusterId);
        if (!id.ok) return id;
        const unreasoned = checkReason(reason);
        if (unreasoned !== undefined) return unreasoned;
        return sequenceOf(engine, await membership.setQuarantine(actor, { cluster: id.value, quarantined, reason }));
      },
    ),

    createToken: door.unary<'admin', CreateTokenRequest, CreateTokenResponse>(
      calls.operator.createToken,
      async ({ cluster, lifetimeSeconds, labels }, { actor }) => {
        const id = checkId('cluster', cluster, isClusterId);
        if (!id.ok) return id;
        if (lifetimeSeconds < tokenSecondsMin || lifetimeSeconds > tokenSecondsMax) {
          return invalid(`lifetime_seconds: ${tokenSecondsMin} to ${tokenSecondsMax}, got ${lifetimeSeconds}`);
        }
        const checked = labelsOf(labels);
        if (checked === undefined) {
          return invalid(`labels: at most ${labelsMax}, keys and values of 1 to 63 of a-z, 0-9 and "-", keys differ`);
        }
        const minted = await membership.mintToken(actor, {
          cluster: id.value,
          lifetimeMs: lifetimeSeconds * 1000,
          labels: checked,
        });
        if (!minted.ok) return minted;
        const { text, tokenId, expiresAtMs } = minted.value;
        return ok({ token: text, tokenId, expiresAtMs: ms(expiresAtMs) });
      },
    ),

    listTokens: door.unary<'admin', ListTokensRequest, ListTokensResponse>(
      calls.operator.listTokens,
      async ({ page }) => {
        const newestFirst = [...engine.state().tokens.values()].sort(
          (a, b) => b.mintedAtMs - a.mintedAtMs || (a.tokenId < b.tokenId ? -1 : 1),
        );
        const paged = pageOf(newestFirst, page, ({ tokenId }) => tokenId);
        if (!paged.ok) return paged;
        return ok({ tokens: paged.value.rows.map(tokenMessage), nextPage: paged.value.nextPage });
      },
    ),

    revokeToken: door.unary<'admin', RevokeTokenRequest, RevokeTokenResponse>(
      calls.operator.revokeToken,
      async ({ tokenId, reason }, { actor }) => {
        const unreasoned = checkReason(reason);
        if (unreasoned !== undefined) return unreasoned;
        return sequenceOf(engine, await membership.revokeToken(actor, tokenId, reason));
      },
    ),
  };
}

function clusterMessage(row: Cluster, connected: boolean): ClusterMessage {
  return {
    name: row.cluster,
    status: row.status === 'enrolled' ? ClusterStatus.CLUSTER_STATUS_ENROLLED : ClusterStatus.CLUSTER_STATUS_REVOKED,
    enrolledAtMs: ms(row.enrolledAtMs),
    certificateExpiresAtMs: ms(row.certificateExpiresAtMs),
    connected,
    quarantined: row.quarantined,
    signingKeyDigest: digestOf(Buffer.from(row.signingKey, 'base64')),
    labels: Object.entries(row.labels).map(([key, value]) => ({ key, value })),
  };
}

function tokenMessage({ tokenId, cluster, expiresAtMs, usedAtMs, revoked }: Token) {
  return { tokenId, cluster, expiresAtMs: ms(expiresAtMs), usedAtMs: ms(usedAtMs), revoked };
}

function labelsOf(labels: readonly Label[]): Labels | undefined {
  const legal = labels.every(({ key, value }) => label.test(key) && label.test(value));
  const byKey = new Map(labels.map(({ key, value }) => [key, value]));
  return legal && labels.length <= labelsMax && byKey.size === labels.length ? Object.fromEntries(byKey) : undefined;
}
