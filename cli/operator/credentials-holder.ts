import { X509Certificate } from 'node:crypto';
import { type Fault, refuse } from '../../base/fault.ts';
import type { OperatorCredentials } from '../../coordinator/keys/operator-credentials.ts';

/** Whose credentials a connection shows, and until when they count. */
export type CredentialsHolder = Readonly<{ path: string; name: string; role: string; expiresAtMs: number }>;

export function holderOf(path: string, { name, role, certificateChain }: OperatorCredentials): CredentialsHolder {
  return { path, name, role, expiresAtMs: Date.parse(new X509Certificate(certificateChain).validTo) };
}

const warnWithinMs = 7 * 86_400_000;

/** What to do before the certificate ends, in its last week. */
export function endsSoon({ name, path, expiresAtMs }: CredentialsHolder, nowMs: number): string | undefined {
  const leftMs = expiresAtMs - nowMs;
  if (leftMs <= 0 || leftMs > warnWithinMs) return undefined;
  const when = new Date(expiresAtMs).toISOString();
  return `the certificate of operator ${name} ends ${when}: \`testudo operators renew --credentials ${path}\` before that`;
}

/** TLS tells nobody why: a coordinator that hangs up looks like one that is not there. */
const silentRefusals: ReadonlySet<string> = new Set(['GRPC_UNAVAILABLE', 'CERTIFICATE_EXPIRED']);

/** Where no server was reached, so that no certificate was shown either: what helps. */
const unreached: readonly (readonly [RegExp, string])[] = [
  [
    /^Name resolution failed/,
    'no name server that this machine asks knows the name: is it spelt right? Give an address that is reached from here with --address',
  ],
  [
    /\bECONNREFUSED\b/,
    'nobody listens there: is the coordinator running, and is this its federation port? A standby does not listen; --address names another',
  ],
  [
    /\bE(?:HOST|NET)UNREACH\b/,
    'this machine has no way there: give an address that is reached from here with --address',
  ],
];

/**
 * Why a call failed, for people: where the certificate has ended by this machine's clock, that, and what helps. Only after
 * the call: it is the coordinator's clock that counts, and ours may be the wrong one.
 */
export function explained(fault: Fault, { path, name, role, expiresAtMs }: CredentialsHolder, nowMs: number): Fault {
  if (fault.code === 'GRPC_UNIMPLEMENTED') {
    const who = 'an older coordinator answers at this address, or a door, which takes calls of clusters alone';
    return { ...fault, message: `${fault.message}: ${who}; give the coordinator's own with --address` };
  }
  const help = unreached.find(([pattern]) => fault.code === 'GRPC_UNAVAILABLE' && pattern.test(fault.message))?.[1];
  if (help !== undefined) return { ...fault, message: `${fault.message}: ${help}` };
  const anew =
    `an admin gives a new one with \`testudo operators add ${name} --role ${role} --out FILE --reason WHY\`; where no admin is left, ` +
    'move the file aside and run `testudo coordinator init` in the folder of the configuration, with the coordinator stopped';
  if (fault.code === 'CERTIFICATE_SUPERSEDED') {
    const message = `operator ${name} has a newer certificate than ${path}: use the file that holds it; where there is none, ${anew}`;
    return { ...fault, message };
  }
  const said = fault.code === 'CERTIFICATE_EXPIRED';
  if (!silentRefusals.has(fault.code) || (!said && nowMs < expiresAtMs)) return fault;
  return refuse(
    'CREDENTIALS_EXPIRED',
    `the certificate of operator ${name} in ${path} ended ${new Date(expiresAtMs).toISOString()}: ${anew}`,
  ).fault;
}
