import { Metadata } from '@grpc/grpc-js';
import type { Result } from '../../base/fault.ts';
import type { Timers } from '../../base/time.ts';
import { deadlineIn, unary } from '../../proto/call.ts';
import { type DeliverRequest, type DeliverResponse, SensorsClient } from '../../proto/generated/testudo/v1/sensors.ts';
import type { Address } from '../link/address.ts';
import { type AdmissionFaultCode, HubAdmission, hubChannelOptions, securedBy } from '../link/hub-admission.ts';
import type { ClusterIdentity } from '../link/identity-store.ts';

export type HubLinkConfig = Readonly<{
  address: Address;
  admissionAddress: Address;
  /** PEM: the one authority that is trusted. */
  authorityFile: string;
  tokenFile: string;
  node: string;
}>;

const callMs = 15_000;
/** A file of a release may come so late: a hub sends to some of its sensors at a time. */
export const hubStallMs = 60_000;

/** A sensor's connection to its hub. */
export class HubLink {
  readonly #address: Address;
  readonly #admission: HubAdmission;
  #admitted: ClusterIdentity | undefined;
  #sensors: SensorsClient | undefined;

  constructor({ address, node, ...admission }: HubLinkConfig, timers: Timers) {
    this.#address = address;
    this.#admission = new HubAdmission({ ...admission, name: node }, timers);
  }

  get identity(): ClusterIdentity | undefined {
    return this.#admission.identity;
  }

  /** See `HubAdmission`. */
  async admitted(signal: AbortSignal): Promise<Result<ClusterIdentity, AdmissionFaultCode>> {
    const admitted = await this.#admission.admitted(signal);
    if (admitted.ok && admitted.value !== this.#admitted) {
      this.#disconnect();
      this.#admitted = admitted.value;
    }
    return admitted;
  }

  /** The hub does not take the certificate: the next call asks for another. */
  distrusted(): void {
    this.#admission.distrusted();
  }

  async deliver(request: DeliverRequest, signal: AbortSignal): Promise<Result<DeliverResponse, AdmissionFaultCode>> {
    const identity = await this.admitted(signal);
    if (!identity.ok) return identity;
    this.#sensors ??= new SensorsClient(this.#address.text, securedBy(identity.value), hubChannelOptions);
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
}
