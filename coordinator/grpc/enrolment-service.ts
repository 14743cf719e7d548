import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import { ok, refuse } from '../../base/fault.ts';
import {
  EnrolmentService,
  type EnrolRequest,
  type EnrolResponse,
  type RenewRequest,
  type RenewResponse,
} from '../../proto/generated/testudo/v1/enrolment.ts';
import { calls } from '../access/calls.ts';
import type { Membership } from '../members/membership.ts';
import type { Door } from './door.ts';
import { tolerant } from './service.ts';

const secretPattern = /^[A-Za-z0-9_-]{20,128}$/;

type EnrolmentParts = Readonly<{
  door: Door<'enrolment'>;
  membership: Membership;
  federation: string;
  /** The Ed25519 key that signs receipts, 32 bytes. */
  receiptKey: Uint8Array;
}>;

const served = tolerant(EnrolmentService);

/** Enrol, alone on the port where no client certificate is asked for. */
export function strangerEnrolment({ door, membership, federation, receiptKey }: EnrolmentParts) {
  const enrol = door.unary<'stranger', EnrolRequest, EnrolResponse>(
    calls.enrolment.enrol,
    async ({ token, certificateRequest, signingKey, signingKeyProof }, { actor }) => {
      if (!secretPattern.test(token)) return refuse('TOKEN_UNKNOWN', 'the token has an illegal length or alphabet');
      const applicant = { secret: token, request: certificateRequest, signingKey, proof: signingKeyProof };
      const enrolled = await membership.enrol(actor, applicant);
      if (!enrolled.ok) return enrolled;
      const { cluster, chain, expiresAtMs } = enrolled.value;
      return ok({
        cluster,
        federation,
        certificateChain: [...chain],
        expiresAtMs: BigInt(expiresAtMs),
        receiptKey: Buffer.from(receiptKey),
      });
    },
  );
  return { definition: { enrol: served.enrol }, implementation: { enrol } satisfies UntypedServiceImplementation };
}

/** Renew, on the mTLS port. */
export function memberEnrolment({ door, membership }: Pick<EnrolmentParts, 'door' | 'membership'>) {
  const renew = door.unary<'member', RenewRequest, RenewResponse>(
    calls.enrolment.renew,
    async ({ certificateRequest }, { actor, caller }) => {
      const renewed = await membership.renew(actor, caller, certificateRequest);
      if (!renewed.ok) return renewed;
      const { chain, expiresAtMs } = renewed.value;
      return ok({ certificateChain: [...chain], expiresAtMs: BigInt(expiresAtMs) });
    },
  );
  return { definition: { renew: served.renew }, implementation: { renew } satisfies UntypedServiceImplementation };
}
