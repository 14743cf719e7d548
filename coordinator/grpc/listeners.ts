import { Server, type ServerOptions, type ServiceDefinition, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import type { Timers } from '../../base/time.ts';
import { messageBytesMax } from '../../proto/wire-names.ts';
import type { ServerIdentity } from '../keys/server-certificate.ts';
import { addReflection } from './reflection.ts';
import { TlsCredentials } from './tls.ts';

export type ServedService = Readonly<{ definition: ServiceDefinition; implementation: UntypedServiceImplementation }>;

/** Streams that one connection may have open at once. */
const streamsMax = 64;

/** Every cap that grpc-js has; what it leaves open by default is closed here (I6). */
const caps: ServerOptions = {
  'grpc.max_receive_message_length': messageBytesMax,
  'grpc.max_send_message_length': messageBytesMax,
  'grpc.max_concurrent_streams': streamsMax,
  /** MB of one HTTP/2 session, buffers and headers of all its streams. */
  'grpc-node.max_session_memory': 64,
  /** Peers connect anew now and then: with a renewed certificate, and spread over what stands behind one address. */
  'grpc.max_connection_age_ms': 3_600_000,
  'grpc.max_connection_age_grace_ms': 300_000,
  'grpc.max_connection_idle_ms': 900_000,
  /** A peer that vanished without a word is found out within 50 s. */
  'grpc.keepalive_time_ms': 30_000,
  'grpc.keepalive_timeout_ms': 20_000,
  'grpc.enable_channelz': 0,
};

/** The two gRPC ports: one for strangers that enrol, one that takes nobody without a certificate of ours. */
export class Listeners {
  readonly #enrolment = new Server(caps);
  readonly #federation = new Server(caps);
  readonly #timers: Timers;
  readonly #health = new HealthImplementation({ '': 'NOT_SERVING' });
  readonly #credentials: Readonly<{ enrolment: TlsCredentials; federation: TlsCredentials }>;

  constructor(identity: ServerIdentity, trusted: string, timers: Timers) {
    this.#timers = timers;
    this.#credentials = {
      enrolment: new TlsCredentials(identity, trusted, 'none', streamsMax),
      federation: new TlsCredentials(identity, trusted, 'required', streamsMax),
    };
  }

  /** Returns the ports bound. Throws when an address cannot be had. */
  async listen(
    addresses: Readonly<{ enrolment: string; federation: string }>,
    services: Readonly<{ stranger: readonly ServedService[]; member: readonly ServedService[] }>,
  ): Promise<Readonly<{ enrolmentPort: number; federationPort: number }>> {
    for (const { definition, implementation } of services.stranger)
      this.#enrolment.addService(definition, implementation);
    for (const { definition, implementation } of services.member)
      this.#federation.addService(definition, implementation);
    this.#health.addToServer(this.#federation);
    addReflection(this.#federation);
    const enrolmentPort = await bind(this.#enrolment, addresses.enrolment, this.#credentials.enrolment);
    const federationPort = await bind(this.#federation, addresses.federation, this.#credentials.federation);
    return { enrolmentPort, federationPort };
  }

  setServing(serving: boolean): void {
    this.#health.setStatus('', serving ? 'SERVING' : 'NOT_SERVING');
  }

  /** New connections get a new server certificate. */
  replaceIdentity(identity: ServerIdentity): void {
    this.#credentials.enrolment.replace(identity);
    this.#credentials.federation.replace(identity);
  }

  /** Takes no new connection, lets open calls end for at most `graceMs`, then ends what is left. */
  async drain(graceMs: number): Promise<void> {
    const timer = this.#timers.after(graceMs, () => this.#force());
    await Promise.all([drained(this.#enrolment), drained(this.#federation)]);
    this.#timers.cancel(timer);
    this.#force();
  }

  #force(): void {
    this.#enrolment.forceShutdown();
    this.#federation.forceShutdown();
  }
}

function bind(server: Server, address: string, credentials: TlsCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => {
      if (error === null) resolve(port);
      else reject(new Error(`cannot listen on ${address}: ${error.message}`));
    });
  });
}

function drained(server: Server): Promise<void> {
  return new Promise((resolve) => {
    // An error here says that the server was not running: there is nothing to drain.
    server.tryShutdown(() => resolve());
  });
}
