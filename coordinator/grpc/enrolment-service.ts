import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import { ok, refuse } from '../../base/fault.ts';
import { verifyRenewal } from '../../proto/envelope/renewal-proof.ts';
import {
  type ChallengeRequest,
  type ChallengeResponse,
  EnrolmentService,
  type EnrolRequest,
  type EnrolResponse,
  type RejoinRequest,
  type RejoinResponse,
  type RenewRequest,
  type RenewResponse,
} from '../../proto/generated/testudo/v1/enrolment.ts';
import { calls } from '../access/calls.ts';
import type { Facts } from '../ledger/store.ts';
import type { Caller } from '../members/authenticate.ts';
import type { Membership } from '../members/membership.ts';
import type { Rejoining } from '../members/rejoining.ts';
import type { Door } from './door.ts';
import { tolerant } from './service.ts';

const secretPattern = /^[A-Za-z0-9_-]{20,128}$/;

type EnrolmentParts = Readonly<{
  door: Door<'enrolment'>;
  membership: Membership;
  rejoining: Rejoining;
  federation: string;
  /** The Ed25519 key that signs receipts, 32 bytes. */
  receiptKey: Uint8Array;
}>;

const served = tolerant(EnrolmentService);

/** What is served where no client certificate is asked for: to newcomers, and to members whose certificate has ended. */
export function strangerEnrolment({ door, membership, rejoining, federation, receiptKey }: EnrolmentParts) {
  const enrol = door.unary<'stranger', EnrolRequest, EnrolResponse>(
    calls.enrolment.enrol,
    async ({ token, certificateRequest, signingKey, signingKeyProof }, { actor }) => {
      if (!secretPattern.test(token)) return refuse('TOKEN_UNKNOWN', 'the token has an illegal length or alphabet');
      const applicant = { secret: token, request: certificateRequest, signingKey, proof: signingKeyProof };
      const enrolled = await membership.enrol(actor, applicant);
      if (!enrolled.ok) return enrolled;
      const { cluster, chain, issuedAtMs, expiresAtMs } = enrolled.value;
      return ok({
        cluster,
        federation,
        certificateChain: [...chain],
        expiresAtMs: BigInt(expiresAtMs),
        receiptKey: Buffer.from(receiptKey),
        issuedAtMs: BigInt(issuedAtMs),
      });
    },
  );
  const challenge = door.unary<'stranger', ChallengeRequest, ChallengeResponse>(
    calls.enrolment.challenge,
    async (_, { nowMs }) => {
      const { bytes, lifeMs } = rejoining.challenge();
      return ok({ challenge: bytes, lifeMs: BigInt(lifeMs), nowMs: BigInt(nowMs) });
    },
  );
  const rejoin = door.unary<'stranger', RejoinRequest, RejoinResponse>(
    calls.enrolment.rejoin,
    async ({ cluster, certificateRequest, challenge, signingKeyProof }, { actor }) => {
      const proof = { cluster, request: certificateRequest, challenge, proof: signingKeyProof };
      const rejoined = await rejoining.rejoin(actor, proof);
      if (!rejoined.ok) return rejoined;
      const { chain, issuedAtMs, expiresAtMs } = rejoined.value;
      return ok({
        certificateChain: [...chain],
        expiresAtMs: BigInt(expiresAtMs),
        issuedAtMs: BigInt(issuedAtMs),
      });
    },
  );
  const { enrol: enrolMethod, challenge: challengeMethod, rejoin: rejoinMethod } = served;
  return {
    definition: { enrol: enrolMethod, challenge: challengeMethod, rejoin: rejoinMethod },
    implementation: { enrol, challenge, rejoin } satisfies UntypedServiceImplementation,
  };
}

type MemberParts = Pick<EnrolmentParts, 'door' | 'membership'> & Readonly<{ facts: Pick<Facts, 'state'> }>;

/** Renew, on the mTLS port. */
export function memberEnrolment({ door, membership, facts }: MemberParts) {
  /** A door's word for who calls is enough for no certificate: whoever took the door would have one for every cluster. */
  const unprovenBy = (caller: Caller, certificateRequest: Uint8Array, proof: Uint8Array) => {
    if (caller.kind !== 'cluster') return refuse('ROLE_INSUFFICIENT', 'through a door clusters alone renew').fault;
    const { federation, cluster } = caller;
    const key = Buffer.from(facts.state().clusters.get(cluster)?.signingKey ?? '', 'base64');
    const why = verifyRenewal({ federation, cluster, certificateRequest }, proof, key);
    if (why === undefined) return undefined;
    return refuse('MEMBER_UNPROVEN', `through a door a renewal must be signed by the cluster's own key: ${why.message}`)
      .fault;
  };

  const renew = door.unary<'member', RenewRequest, RenewResponse>(
    calls.enrolment.renew,
    async ({ certificateRequest, signingKeyProof }, { actor, caller, certificate, door: through }) => {
      if (through !== undefined) {
        const unproven = unprovenBy(caller, certificateRequest, signingKeyProof);
        if (unproven !== undefined) return { ok: false, fault: unproven };
      }
      const renewed = await membership.renew(actor, certificate, certificateRequest);
      if (!renewed.ok) return renewed;
      const { chain, issuedAtMs, expiresAtMs } = renewed.value;
      return ok({
        certificateChain: [...chain],
        expiresAtMs: BigInt(expiresAtMs),
        issuedAtMs: BigInt(issuedAtMs),
      });
    },
  );
  return { definition: { renew: served.renew }, implementation: { renew } satisfies UntypedServiceImplementation };
}
