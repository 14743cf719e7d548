import { randomBytes } from 'node:crypto';
import { type Fault, ok, type Result, refuse } from '../../base/fault.ts';
import { verifyRejoin } from '../../proto/envelope/rejoin-proof.ts';
import { type ClusterId, isClusterId } from '../../proto/ids.ts';
import type { Authority, CertificatePlan } from '../keys/authority.ts';
import type { Actor } from '../ledger/journal/events.ts';
import type { Cluster, State } from '../ledger/state/state.ts';
import type { Store, StoreFaultCode } from '../ledger/store.ts';
import type { Challenge, Challenges } from './challenges.ts';
import { publicKeyOfVettedRequest } from './vetted-request.ts';

type StandingFaultCode = 'CLUSTER_REVOKED' | 'REJOIN_TOO_LATE';
type RejoinFaultCode =
  | StandingFaultCode
  | 'MEMBER_UNPROVEN'
  | 'CHALLENGE_INVALID'
  | 'CHALLENGE_USED'
  | 'CERTIFICATE_REQUEST_INVALID';

export type Rejoin = Readonly<{ cluster: string; request: Uint8Array; challenge: Uint8Array; proof: Uint8Array }>;
type Rejoined = Readonly<{ chain: readonly Buffer[]; issuedAtMs: number; expiresAtMs: number }>;

export type RejoinTimes = Readonly<{
  certificateMs: number;
  /** How long after its last certificate's end a member may come back by its signing key alone. */
  graceMs: number;
}>;

type RejoiningParts = Readonly<{ store: Store; authority: Authority; challenges: Challenges; times: RejoinTimes }>;

/**
 * How a member comes back whose certificate ended while it was away. It proves its signing key, over a challenge of ours:
 * its own clock takes no part. Whoever has not proven the key learns nothing of any member.
 */
export class Rejoining {
  readonly #parts: RejoiningParts;

  constructor(parts: RejoiningParts) {
    this.#parts = parts;
  }

  challenge(): Challenge {
    return this.#parts.challenges.make();
  }

  /** A new certificate for the member that proves itself. Journalled first, with when its last certificate ended. */
  async rejoin(
    actor: Actor,
    { cluster, request, challenge, proof }: Rejoin,
  ): Promise<Result<Rejoined, RejoinFaultCode | StoreFaultCode>> {
    const { store, authority, challenges, times } = this.#parts;
    const unsound = challenges.check(challenge);
    if (unsound !== undefined) return { ok: false, fault: unsound };
    const publicKey = await publicKeyOfVettedRequest(request);
    if (!publicKey.ok) return publicKey;
    const statement = { federation: store.federation, cluster, certificateRequest: request, challenge };
    const proven = provenMember(store.state(), cluster, (signingKey) => {
      return verifyRejoin(statement, proof, signingKey) === undefined;
    });
    if (!proven.ok) return proven;
    const { cluster: member, signingKey } = proven.value;
    const spent = challenges.spend(challenge, member);
    if (spent !== undefined) return { ok: false, fault: spent };

    const random = randomBytes(9);
    const committed = await store.commit<CertificatePlan, StandingFaultCode | 'MEMBER_UNPROVEN'>(
      actor,
      ({ clusters }, atMs) => {
        const now = clusters.get(member);
        // It has enrolled anew since, with another key.
        if (now?.signingKey !== signingKey) return unproven(cluster);
        const barred = barredFrom(now, atMs, times.graceMs);
        if (barred !== undefined) return { ok: false, fault: barred };
        const plan = authority.plan(atMs, times.certificateMs, random);
        const certificate = { certificateSerial: plan.serial, certificateExpiresAtMs: plan.expiresAtMs };
        const lastExpiredAtMs = now.certificateExpiresAtMs;
        return ok({
          events: [{ kind: 'clusterRejoined', cluster: member, ...certificate, lastExpiredAtMs }],
          value: plan,
        });
      },
    );
    if (!committed.ok) return committed;
    const plan = committed.value.value;
    const identity = { kind: 'cluster', federation: store.federation, cluster: member } as const;
    const { issuedAtMs, expiresAtMs } = plan;
    return ok({ chain: [...(await authority.issue(identity, publicKey.value, plan))], issuedAtMs, expiresAtMs });
  }
}

/** One answer for a name that nobody has and for a wrong key: strangers cannot find out who is a member. */
function provenMember(
  { clusters }: Pick<State, 'clusters'>,
  name: string,
  isProven: (signingKey: Uint8Array) => boolean,
): Result<Cluster, 'MEMBER_UNPROVEN'> {
  const member = isClusterId(name) ? clusters.get(name as ClusterId) : undefined;
  if (member === undefined || !isProven(Buffer.from(member.signingKey, 'base64'))) return unproven(name);
  return ok(member);
}

function unproven(name: string): Result<never, 'MEMBER_UNPROVEN'> {
  return refuse(
    'MEMBER_UNPROVEN',
    `no member ${JSON.stringify(name.slice(0, 64))} has this signing key; enrol with a token`,
  );
}

function barredFrom(
  { cluster, status, certificateExpiresAtMs }: Cluster,
  nowMs: number,
  graceMs: number,
): Fault<StandingFaultCode> | undefined {
  if (status === 'revoked') {
    return refuse('CLUSTER_REVOKED', `cluster ${cluster} was revoked; an admin may give it a new token`, { cluster })
      .fault;
  }
  if (nowMs <= certificateExpiresAtMs + graceMs) return undefined;
  const ended = new Date(certificateExpiresAtMs).toISOString();
  return refuse(
    'REJOIN_TOO_LATE',
    `the last certificate of ${cluster} ended ${ended}, longer ago than certificates.rejoinGraceDays; give it a new token`,
    { cluster },
  ).fault;
}
