import { randomBytes, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type ChannelCredentials, Metadata } from '@grpc/grpc-js';
import { pemOfCertificate } from '../../base/certificates/pem.ts';
import { type Fault, ok, type Result, refuse } from '../../base/fault.ts';
import type { Timers } from '../../base/time.ts';
import { neverByProxy } from '../../proto/by-proxy.ts';
import { type CallFaultCode, deadlineIn, unary } from '../../proto/call.ts';
import { AdmissionClient, type AdmitResponse } from '../../proto/generated/testudo/v1/sensors.ts';
import { isClusterId, isFederationId } from '../../proto/ids.ts';
import { hubServerName } from '../../proto/wire-names.ts';
import type { Address } from './address.ts';
import { newCertificateRequest } from './certificate-request.ts';
import { channelCredentials, channelOptions } from './channel.ts';
import type { ClusterIdentity } from './identity-store.ts';

export type HubAdmissionConfig = Readonly<{
  admissionAddress: Address;
  /** PEM: the one authority that is trusted. */
  authorityFile: string;
  tokenFile: string;
  /** The node, or the agent; a hub that asks the API server reads it from the token. */
  name: string;
}>;

export type AdmissionFaultCode =
  | CallFaultCode
  | 'HUB_AUTHORITY_UNREADABLE'
  | 'HUB_TOKEN_UNREADABLE'
  | 'CERTIFICATE_UNUSABLE';

const callMs = 15_000;

/** How a channel to a hub is kept, whichever of its ports it is to. */
export const hubChannelOptions = { ...channelOptions(hubServerName), ...neverByProxy };

/**
 * Who a sensor or an agent is to its hub: keys and certificates live in memory, and another start asks for new ones. The
 * hub's certificate is checked before a token is sent.
 */
export class HubAdmission {
  readonly #config: HubAdmissionConfig;
  readonly #timers: Timers;
  #identity: ClusterIdentity | undefined;
  /** By the wall's clock, which may be set, and by the steady one, which may have stood still: whichever comes first. */
  #renewAt = { wallMs: 0, steadyMs: 0 };
  /** The hub said when to come back. */
  #refused: Readonly<{ fault: Fault<AdmissionFaultCode>; untilMs: number }> | undefined;

  constructor(config: HubAdmissionConfig, timers: Timers) {
    this.#config = config;
    this.#timers = timers;
  }

  get identity(): ClusterIdentity | undefined {
    return this.#identity;
  }

  /** A certificate that holds for a good while yet: the one there is, or another. */
  async admitted(signal: AbortSignal): Promise<Result<ClusterIdentity, AdmissionFaultCode>> {
    const { wallMs, steadyMs } = this.#renewAt;
    const isFresh = this.#timers.now() < wallMs && this.#timers.monotonicMs() < steadyMs;
    if (this.#identity !== undefined && isFresh) return ok(this.#identity);
    const refused = this.#refused;
    if (refused !== undefined && this.#timers.monotonicMs() < refused.untilMs)
      return { ok: false, fault: refused.fault };
    const admitted = await this.#admit(signal);
    if (admitted.ok) this.#identity = admitted.value;
    const retryAfterMs = admitted.ok ? undefined : admitted.fault.fields?.retryAfterMs;
    this.#refused =
      admitted.ok || typeof retryAfterMs !== 'number'
        ? undefined
        : { fault: admitted.fault, untilMs: this.#timers.monotonicMs() + retryAfterMs };
    return admitted;
  }

  /** The hub does not take the certificate: the next call asks for another. */
  distrusted(): void {
    this.#renewAt = { wallMs: 0, steadyMs: 0 };
  }

  async #admit(signal: AbortSignal): Promise<Result<ClusterIdentity, AdmissionFaultCode>> {
    const { authorityFile, tokenFile, admissionAddress, name } = this.#config;
    const authority = await textOf(authorityFile, 'HUB_AUTHORITY_UNREADABLE');
    if (!authority.ok) return authority;
    const token = await textOf(tokenFile, 'HUB_TOKEN_UNREADABLE');
    if (!token.ok) return token;
    const { der, keyPem } = await newCertificateRequest();
    const secured = channelCredentials({ ca: authority.value });
    const client = new AdmissionClient(admissionAddress.text, secured, hubChannelOptions);
    try {
      const said = { token: token.value.trim(), certificateRequest: der, node: name };
      const answer = await unary<AdmitResponse>(
        (callback) => client.admit(said, new Metadata(), { deadline: deadlineIn(callMs) }, callback),
        signal,
      );
      return answer.ok ? this.#identityOf(answer.value, authority.value, keyPem) : answer;
    } finally {
      client.close();
    }
  }

  #identityOf(
    { certificateChain, federation, cluster, issuedAtMs, expiresAtMs }: AdmitResponse,
    authorityPem: string,
    tlsKeyPem: string,
  ): Result<ClusterIdentity, 'CERTIFICATE_UNUSABLE'> {
    const unusable = (why: string) => refuse('CERTIFICATE_UNUSABLE', `the hub's answer cannot be used: ${why}`);
    if (!isFederationId(federation) || !isClusterId(cluster)) return unusable('it names no federation and cluster');
    const lifeMs = Number(expiresAtMs - issuedAtMs);
    if (!(lifeMs > 0)) return unusable('its certificate has no time in which it holds');
    try {
      const chainPem = certificateChain.map((one) => pemOfCertificate(new X509Certificate(one).raw)).join('');
      const now = this.#timers.now();
      // By the time since it came: the clocks of node and hub may differ.
      const heldMs = (lifeMs * 2) / 3;
      this.#renewAt = { wallMs: now + heldMs, steadyMs: this.#timers.monotonicMs() + heldMs };
      return ok({
        federation,
        cluster,
        authorityPem,
        chainPem,
        certifiedAtMs: now,
        tlsKeyPem,
        signingSeed: this.#identity?.signingSeed ?? randomBytes(32),
        receiptKey: new Uint8Array(32),
      });
    } catch {
      return unusable('its certificate is none');
    }
  }
}

/** Mutual TLS with what the hub gave. */
export function securedBy({ authorityPem, chainPem, tlsKeyPem }: ClusterIdentity): ChannelCredentials {
  return channelCredentials({ ca: authorityPem, cert: chainPem, key: tlsKeyPem });
}

async function textOf<Code extends string>(path: string, code: Code): Promise<Result<string, Code>> {
  try {
    return ok(await readFile(path, 'utf8'));
  } catch (error) {
    return refuse(code, `${path} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}
