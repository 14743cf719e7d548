import { randomBytes } from 'node:crypto';
import type { EpochMs } from '../../base/time.ts';
import { type Authority, pemOfChain } from './authority.ts';

export type ServerIdentity = Readonly<{
  /** PEM: leaf, issuer, root. The root goes along so that a newcomer can check the fingerprint in its token. */
  chain: string;
  key: string;
}>;

/** Our listeners' certificate, under a new key; `keepRenewed` has it issued anew in time. */
export async function issueServerIdentity(
  authority: Authority,
  hosts: readonly string[],
  { nowMs, lifetimeMs }: Readonly<{ nowMs: EpochMs; lifetimeMs: number }>,
): Promise<ServerIdentity & Readonly<{ issuedAtMs: EpochMs; expiresAtMs: EpochMs }>> {
  const plan = authority.plan(nowMs, lifetimeMs, randomBytes(9));
  const { chain, key } = await authority.issueServer(hosts, plan);
  return { chain: pemOfChain(chain), key, issuedAtMs: plan.issuedAtMs, expiresAtMs: plan.expiresAtMs };
}
