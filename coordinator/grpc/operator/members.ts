import { ok, type Result, refuse } from '../../../base/fault.ts';
import { didYouMean } from '../../../base/text/nearest.ts';
import {
  type Cluster as ClusterMessage,
  ClusterStatus,
  type CreateTokenRequest,
  type CreateTokenResponse,
  type GetClusterRequest,
  type GetClusterResponse,
  type ListClustersRequest,
  type ListClustersResponse,
  type ListTokensRequest,
  type ListTokensResponse,
  type RevokeClusterRequest,
  type RevokeClusterResponse,
  type RevokeTokenRequest,
  type RevokeTokenResponse,
  type SetApprovedClassesRequest,
  type SetApprovedClassesResponse,
  type SetLabelsRequest,
  type SetLabelsResponse,
  type SetQuarantineRequest,
  type SetQuarantineResponse,
  type TrackStanding,
} from '../../../proto/generated/testudo/v1/operator.ts';
import { isClusterId } from '../../../proto/ids.ts';
import { calls } from '../../access/calls.ts';
import type { Membership } from '../../members/membership.ts';
import {
  createToken,
  revokeCluster,
  revokeToken,
  setApprovedClasses,
  setLabels,
  setQuarantine,
} from '../../operations/members.ts';
import type { Engine } from '../../rounds/engine.ts';
import { type ClusterView, clustersOf, clusterView, type TokenView, tokensView } from '../../views/members.ts';
import { pageOf } from '../../views/page.ts';
import { type StandingView, standingsView } from '../../views/records/standings.ts';
import { checkId } from '../../views/request.ts';
import type { Door } from '../door.ts';
import { ms } from './messages.ts';
import { fates } from './records/participation.ts';

const statuses: Readonly<Record<ClusterView['status'], ClusterStatus>> = {
  enrolled: ClusterStatus.CLUSTER_STATUS_ENROLLED,
  revoked: ClusterStatus.CLUSTER_STATUS_REVOKED,
};

/** Clusters and tokens. */
export function memberHandlers(door: Door<'operator'>, engine: Engine, membership: Membership) {
  const parts = { engine, membership };
  return {
    listClusters: door.unary<'viewer', ListClustersRequest, ListClustersResponse>(
      calls.operator.listClusters,
      async ({ page }) => {
        const paged = pageOf(clustersOf(engine.state()), page, ({ cluster }) => cluster);
        if (!paged.ok) return paged;
        const buildOf = engine.buildOf.bind(engine);
        const clusters = paged.value.rows.map((row) => clusterMessage(clusterView(row, buildOf)));
        return ok({ clusters, nextPage: paged.value.nextPage });
      },
    ),

    getCluster: door.unary<'viewer', GetClusterRequest, GetClusterResponse>(
      calls.operator.getCluster,
      async ({ name: text }) => {
        const name = checkId('name', text, isClusterId);
        if (!name.ok) return name;
        const state = engine.state();
        const row = state.clusters.get(name.value);
        if (row === undefined) {
          const meant = didYouMean(name.value, state.clusters.keys());
          return refuse('CLUSTER_NOT_ENROLLED', `no cluster ${name.value} was ever a member${meant}`);
        }
        const standings = await standingsView(state, engine.blobs, name.value);
        const cluster = clusterMessage(clusterView(row, engine.buildOf.bind(engine)));
        return ok({ cluster, standings: standings.map(standingMessage) });
      },
    ),

    revokeCluster: door.unary<'admin', RevokeClusterRequest, RevokeClusterResponse>(
      calls.operator.revokeCluster,
      async (request, { actor }) => sequenceMessage(await revokeCluster(parts, actor, request)),
    ),

    setQuarantine: door.unary<'operator', SetQuarantineRequest, SetQuarantineResponse>(
      calls.operator.setQuarantine,
      async (request, { actor }) => sequenceMessage(await setQuarantine(parts, actor, request)),
    ),

    setApprovedClasses: door.unary<'admin', SetApprovedClassesRequest, SetApprovedClassesResponse>(
      calls.operator.setApprovedClasses,
      async (request, { actor }) => sequenceMessage(await setApprovedClasses(parts, actor, request)),
    ),

    setLabels: door.unary<'admin', SetLabelsRequest, SetLabelsResponse>(
      calls.operator.setLabels,
      async (request, { actor }) => {
        const set = await setLabels(parts, actor, request);
        if (!set.ok) return set;
        return ok({ labels: labelMessages(set.value.labels), sequence: BigInt(set.value.sequence) });
      },
    ),

    createToken: door.unary<'admin', CreateTokenRequest, CreateTokenResponse>(
      calls.operator.createToken,
      async (request, { actor }) => {
        const minted = await createToken(parts, actor, request);
        if (!minted.ok) return minted;
        const { text, tokenId, expiresAtMs, member } = minted.value;
        return ok({
          token: text,
          tokenId,
          expiresAtMs: ms(expiresAtMs),
          memberSinceMs: ms(member?.enrolledAtMs ?? 0),
          memberRevoked: member?.status === 'revoked',
        });
      },
    ),

    listTokens: door.unary<'admin', ListTokensRequest, ListTokensResponse>(
      calls.operator.listTokens,
      async ({ page }) => {
        const paged = pageOf(tokensView(engine.state()), page, ({ tokenId }) => tokenId);
        if (!paged.ok) return paged;
        return ok({ tokens: paged.value.rows.map(tokenMessage), nextPage: paged.value.nextPage });
      },
    ),

    revokeToken: door.unary<'admin', RevokeTokenRequest, RevokeTokenResponse>(
      calls.operator.revokeToken,
      async (request, { actor }) => sequenceMessage(await revokeToken(parts, actor, request)),
    ),
  };
}

/** What a change answers that only says where in the journal it stands. */
export function sequenceMessage<Code extends string>(
  sequence: Result<number, Code>,
): Result<Readonly<{ sequence: bigint }>, Code> {
  return sequence.ok ? ok({ sequence: BigInt(sequence.value) }) : sequence;
}

function labelMessages(labels: ClusterView['labels']) {
  return Object.entries(labels).map(([key, value]) => ({ key, value }));
}

function clusterMessage({ cluster, status, labels, ...row }: ClusterView): ClusterMessage {
  return {
    name: cluster,
    status: statuses[status],
    enrolledAtMs: ms(row.enrolledAtMs),
    certificateExpiresAtMs: ms(row.certificateExpiresAtMs),
    connected: row.connected,
    build: row.build,
    quarantined: row.quarantined,
    signingKeyDigest: row.signingKeyDigest,
    labels: labelMessages(labels),
  };
}

function standingMessage({ recent, weight, slope, ...record }: StandingView): TrackStanding {
  const { track, rounds, leftOut, refused, score } = record;
  return {
    ...{ track, rounds, leftOut, refused, score },
    weight: weight ?? Number.NaN,
    sampleSlope: slope ?? Number.NaN,
    recent: recent.map((one) => ({
      round: one.round,
      fate: fates[one.fate],
      code: one.code,
      weight: one.weight ?? Number.NaN,
      sampleSlope: one.slope ?? Number.NaN,
      leftOutOf: [...one.leftOutOf],
    })),
  };
}

function tokenMessage({ expiresAtMs, usedAtMs, ...row }: TokenView) {
  return { ...row, expiresAtMs: ms(expiresAtMs), usedAtMs: ms(usedAtMs) };
}
