import { X509Certificate } from 'node:crypto';
import { type Fault, refuse } from '../base/fault.ts';
import type { Facts } from '../coordinator/ledger/store.ts';
import { type AuthenticationFaultCode, authenticate } from '../coordinator/members/authenticate.ts';
import type { DoorCredentials } from './credentials.ts';

export type StandingFaultCode = AuthenticationFaultCode;

/** Why no leader would hear this door, as its own journal says; undefined where one would. */
export function whyUnheard(
  { name, certificateChain }: Pick<DoorCredentials, 'name' | 'certificateChain'>,
  facts: Pick<Facts, 'federation' | 'state'>,
  nowMs: number,
): Fault<StandingFaultCode> | undefined {
  const { subjectAltName, serialNumber: serial, validTo } = new X509Certificate(certificateChain);
  const uri = subjectAltName?.replace(/^URI:/, '') ?? '';
  const heard = authenticate({ uri, serial, expiresAtMs: Date.parse(validTo) }, facts.federation, facts.state(), nowMs);
  if (heard.ok) return undefined;
  const remedy = `\`testudo doors add ${name}\` gives it new credentials`;
  return refuse(heard.fault.code, `this door's credentials: ${heard.fault.message}. ${remedy}`).fault;
}
