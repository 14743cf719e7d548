import { randomBytes } from 'node:crypto';
import { publicKeyOfRequest } from '../../base/certificates/certificate-request.ts';
import { unwrap } from '../../base/fault.ts';
import { LoopbackCoordinator, type LoopbackIdentity } from '../../client/rounds/testing/loopback-coordinator.ts';
import { Authority, makeAuthority, pemOfChain } from '../../coordinator/keys/authority.ts';
import { digestOf } from '../../proto/digest.ts';
import { newRoundKeyPair, newSigningKeyPair, type RoundKeyPair } from '../../proto/envelope/crypto/keys.ts';
import type { RoundInvitation, TrainingPlan } from '../../proto/generated/testudo/v1/federation.ts';
import type { ReleasesServer } from '../../proto/generated/testudo/v1/releases.ts';
import { type ClusterId, parseClusterId, parseFederationId, type TrackId } from '../../proto/ids.ts';
import { formatJoinToken } from '../../proto/join-token.ts';
import { type ModelSpec, schemaDigest, specBytes } from '../../proto/model-spec.ts';

export const loopbackFederationId = parseFederationId('herd');

/** What a test of the client needs around it: an authority, a coordinator on loopback, tokens and invitations. */
export type LoopbackFederation = Readonly<{
  authority: Authority;
  coordinator: LoopbackCoordinator;
  roundKeys: RoundKeyPair;
  /** A join token for a cluster, under this authority's fingerprint unless another is given. */
  newToken(cluster: string, fingerprint?: string): string;
  invitation(round: InvitationParts): RoundInvitation;
}>;

export type InvitationParts = Readonly<{
  track: TrackId;
  spec: ModelSpec;
  baseBytes: Buffer;
  round: string;
  plan?: Partial<TrainingPlan>;
}>;

const defaultPlan: TrainingPlan = {
  sampleMix: 0,
  sampleDigest: '',
  sampleBytes: 0n,
  epochs: 1,
  stepsMax: 1_000,
  batchSize: 8,
  learningRate: 0.1,
  clipNorm: 0,
  noiseMultiplier: 0,
  proximalMu: 0,
  seed: 7n,
};

/** `lifetimeMs` is asked at each issuance of a cluster's certificate. */
export async function startLoopbackFederation(
  lifetimeMs: () => number = () => 3_600_000,
  releases?: ReleasesServer,
): Promise<LoopbackFederation> {
  const made = await makeAuthority(loopbackFederationId, Date.now());
  const authority = await Authority.load(loopbackFederationId, made.root.certificate, made.issuer);
  const coordinator = await startLoopbackCoordinator(authority, lifetimeMs, '', releases);
  const roundKeys = newRoundKeyPair();
  return {
    authority,
    coordinator,
    roundKeys,
    newToken(cluster, authorityFingerprint = authority.fingerprint) {
      const secret = randomBytes(24).toString('base64url');
      coordinator.tokens.set(secret, parseClusterId(cluster));
      return formatJoinToken({ tokenId: 't1', secret, authorityFingerprint });
    },
    invitation({ track, spec, baseBytes, round, plan }) {
      const digest = schemaDigest(spec);
      const sizeBytes = BigInt(baseBytes.length);
      return {
        federation: loopbackFederationId,
        track,
        round,
        base: { track, version: 0n, digest: digestOf(baseBytes), schemaDigest: digest, sizeBytes },
        spec: { canonicalJson: specBytes(spec), schemaDigest: digest },
        roundKey: Buffer.from(roundKeys.publicKey),
        closesAtMs: BigInt(Date.now() + 60_000),
        plan: { ...defaultPlan, ...plan },
        approvedClasses: [],
        signature: Buffer.alloc(0),
      };
    },
  };
}

/** A coordinator certified by this authority; `rootOnTop` is appended to the chain that it presents. */
export async function startLoopbackCoordinator(
  authority: Authority,
  lifetimeMs: () => number = () => 3_600_000,
  rootOnTop = '',
  releases?: ReleasesServer,
): Promise<LoopbackCoordinator> {
  const server = await authority.issueServer([], authority.plan(Date.now(), 3_600_000, randomBytes(9)));
  const identity: LoopbackIdentity = {
    federation: loopbackFederationId,
    rootPem: authority.rootCertificate,
    serverChainPem: pemOfChain(server.chain) + rootOnTop,
    serverKeyPem: server.key,
    receiptKeys: newSigningKeyPair(),
    issue: async (cluster: ClusterId, request: Uint8Array) => {
      const key = unwrap(await publicKeyOfRequest(request));
      const plan = authority.plan(Date.now(), lifetimeMs(), randomBytes(9));
      return await authority.issue({ kind: 'cluster', federation: loopbackFederationId, cluster }, key, plan);
    },
  };
  const coordinator = new LoopbackCoordinator(identity, releases);
  await coordinator.start();
  return coordinator;
}
