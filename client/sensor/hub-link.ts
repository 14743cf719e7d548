import { randomBytes, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type ChannelCredentials, Metadata } from '@grpc/grpc-js';
import { pemOfCertificate } from '../../base/certificates/pem.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';
import type { Timers } from '../../base/time.ts';
import { type CallFaultCode, deadlineIn, unary } from '../../proto/call.ts';
import { ReleasesClient } from '../../proto/generated/testudo/v1/releases.ts';
import {
  AdmissionClient,
  type AdmitResponse,
  type DeliverRequest,
  type DeliverResponse,
  SensorsClient,
} from '../../proto/generated/testudo/v1/sensors.ts';
import { isClusterId, isFederationId } from '../../proto/ids.ts';
import { hubServerName } from '../../proto/wire-names.ts';
import type { Address } from '../link/address.ts';
import { newCertificateRequest } from '../link/certificate-request.ts';
import { channelCredentials, channelOptions } from '../link/channel.ts';
import type { ClusterIdentity } from '../link/identity-store.ts';
import { callsOf } from '../releases/grpc/calls.ts';
import type { ConnectToReleases } from '../releases/release-calls.ts';

export type HubLinkConfig = Readonly<{
  address: Address;
  admissionAddress: Address;
  /** PEM: the one authority that is trusted. */
  authorityFile: string;
  tokenFile: string;
  node: string;
}>;

export type HubLinkFaultCode =
  | CallFaultCode
  | 'HUB_AUTHORITY_UNREADABLE'
  | 'SENSOR_TOKEN_UNREADABLE'
  | 'CERTIFICATE_UNUSABLE';

const callMs = 15_000;

const options = channelOptions(hubServerName);

/** Releases as the hub relays them, over mutual TLS. */
export const connectToHub: ConnectToReleases = (address, identity) => {
  const client = new ReleasesClient(address.text, secure(identity), options);
  return { ...callsOf(client), close: () => client.close() };
};

/**
 * Who this sensor is to its hub: keys and certificates live in memory, and another start asks for new ones. The hub's
 * certificate is checked before a token is sent.
 */
export class HubLink {
  readonly #config: HubLinkConfig;
  readonly #timers: Timers;
  #identity: ClusterIdentity | undefined;
  #renewAtMs = 0;
  #sensors: SensorsClient | undefined;

  constructor(config: HubLinkConfig, timers: Timers) {
    this.#config = config;
    this.#timers = timers;
  }

  get identity(): ClusterIdentity | undefined {
    return this.#identity;
  }

  /** A certificate that holds for a good while yet: the one there is, or another. */
  async admitted(signal: AbortSignal): Promise<Result<ClusterIdentity, HubLinkFaultCode>> {
    if (this.#identity !== undefined && this.#timers.now() < this.#renewAtMs) return ok(this.#identity);
    const admitted = await this.#admit(signal);
    if (!admitted.ok) return admitted;
    this.#disconnect();
    this.#identity = admitted.value;
    return admitted;
  }

  /** The hub does not take the certificate: the next call asks for another. */
  distrusted(): void {
    this.#renewAtMs = 0;
  }

  async deliver(request: DeliverRequest, signal: AbortSignal): Promise<Result<DeliverResponse, HubLinkFaultCode>> {
    const identity = await this.admitted(signal);
    if (!identity.ok) return identity;
    this.#sensors ??= new SensorsClient(this.#config.address.text, secure(identity.value), options);
    const client = this.#sensors;
    return await unary(
      (callback) => client.deliver(request, new Metadata(), { deadline: deadlineIn(callMs) }, callback),
      signal,
    );
  }

  close(): void {
    this.#disconnect();
  }

  #disconnect(): void {
    this.#sensors?.close();
    this.#sensors = undefined;
  }

  async #admit(signal: AbortSignal): Promise<Result<ClusterIdentity, HubLinkFaultCode>> {
    const { authorityFile, tokenFile, admissionAddress, node } = this.#config;
    const authority = await textOf(authorityFile, 'HUB_AUTHORITY_UNREADABLE');
    if (!authority.ok) return authority;
    const token = await textOf(tokenFile, 'SENSOR_TOKEN_UNREADABLE');
    if (!token.ok) return token;
    const { der, keyPem } = await newCertificateRequest();
    const secured = channelCredentials({ ca: authority.value });
    const client = new AdmissionClient(admissionAddress.text, secured, options);
    try {
      const said = { token: token.value.trim(), certificateRequest: der, node };
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
      this.#renewAtMs = now + (lifeMs * 2) / 3;
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

function secure({ authorityPem, chainPem, tlsKeyPem }: ClusterIdentity): ChannelCredentials {
  return channelCredentials({ ca: authorityPem, cert: chainPem, key: tlsKeyPem });
}

async function textOf<Code extends string>(path: string, code: Code): Promise<Result<string, Code>> {
  try {
    return ok(await readFile(path, 'utf8'));
  } catch (error) {
    return refuse(code, `${path} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}
