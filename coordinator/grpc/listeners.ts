import type { Timers } from '../../base/time.ts';
import type { CoordinatorConfig } from '../config/config.ts';
import type { ServerIdentity } from '../keys/server-certificate.ts';
import type { ConnectionCaps, ConnectionRefusal } from './connections/connections.ts';
import type { ConnectionRoom } from './connections/descriptors.ts';
import { Listener, membersCaps, strangersCaps } from './listener.ts';
import type { Peer } from './peer.ts';
import type { HandshakeRefusal } from './refused-handshakes.ts';
import type { ServedService } from './service.ts';
import type { UnreadFault, UnreadRules } from './unread-requests.ts';

export type ListenerName = 'enrolment' | 'federation';

/** Whoever connects has a call to make. */
const silentMs = 15_000;

/** More than a core does at a time, and enough for peers a quarter of a second away. */
const handshakesMax = 64;

type ListenersParts = Readonly<{
  identity: ServerIdentity;
  /** PEM of the root that callers' certificates chain to. */
  trusted: string;
  settings: CoordinatorConfig['connections'];
  room: ConnectionRoom;
  timers: Timers;
  onConnectionRefused: (listener: ListenerName, why: ConnectionRefusal) => void;
  onHandshakeRefused: (listener: ListenerName, why: HandshakeRefusal, address: string, code: string) => void;
  onCallRefused: (path: string, peer: Peer, fault: UnreadFault) => void;
}>;

/** What connections of strangers may cost: none has proven anything, so each can give way. */
export function strangerConnections(
  { enrolment }: CoordinatorConfig['connections'],
  room: Pick<ConnectionRoom, 'enrolment'>,
): ConnectionCaps {
  return {
    atOnceMax: room.enrolment,
    perAddressMax: enrolment.perAddressMax,
    silentMax: room.enrolment,
    silentMs,
    perPeerMax: enrolment.perAddressMax, // A stranger is its address.
    callProves: false,
  };
}

/** What connections of members may cost before anything of ours has read what they say. */
export function memberConnections(
  { federation }: CoordinatorConfig['connections'],
  room: Pick<ConnectionRoom, 'federation'>,
): ConnectionCaps {
  return {
    atOnceMax: room.federation,
    perAddressMax: federation.perAddressMax,
    silentMax: federation.silentMax,
    silentMs,
    // Those that are done, and whose call is on its way, are silent too.
    handshakesMax: Math.min(handshakesMax, Math.ceil(federation.silentMax / 2)),
    perPeerMax: federation.perCallerMax,
    callProves: true,
  };
}

export function unreadRules({ requestSecondsMax, slowRequestsMax }: CoordinatorConfig['connections']): UnreadRules {
  return { requestMs: requestSecondsMax * 1000, slowMax: slowRequestsMax };
}

/** The two gRPC ports: one for strangers that enrol, one that takes nobody without a certificate of ours. */
export class Listeners {
  readonly #enrolment: Listener;
  readonly #federation: Listener;
  readonly #timers: Timers;

  constructor({ settings, room, onConnectionRefused, onHandshakeRefused, ...parts }: ListenersParts) {
    this.#timers = parts.timers;
    const unread = unreadRules(settings);
    const strangers = strangerConnections(settings, room);
    this.#enrolment = new Listener({
      ...parts,
      unread,
      session: strangersCaps,
      connections: strangers,
      onConnectionRefused: (why) => onConnectionRefused('enrolment', why),
      onHandshakeRefused: (...refusal) => onHandshakeRefused('enrolment', ...refusal),
    });
    this.#federation = new Listener({
      ...parts,
      unread,
      session: membersCaps,
      connections: memberConnections(settings, room),
      onConnectionRefused: (why) => onConnectionRefused('federation', why),
      onHandshakeRefused: (...refusal) => onHandshakeRefused('federation', ...refusal),
    });
  }

  /** Connections that are open, by listener. */
  get openCounts(): Readonly<Record<ListenerName, number>> {
    return { enrolment: this.#enrolment.connections.openCount, federation: this.#federation.connections.openCount };
  }

  /** Returns the ports bound. Throws when an address cannot be had. */
  async listen(
    addresses: Readonly<{ enrolment: string; federation: string }>,
    services: Readonly<{ stranger: readonly ServedService[]; member: readonly ServedService[] }>,
  ): Promise<Readonly<{ enrolmentPort: number; federationPort: number }>> {
    for (const { definition, implementation } of services.stranger)
      this.#enrolment.grpc.addService(definition, implementation);
    for (const { definition, implementation } of services.member)
      this.#federation.grpc.addService(definition, implementation);
    const enrolmentPort = await this.#enrolment.listen(addresses.enrolment);
    const federationPort = await this.#federation.listen(addresses.federation);
    return { enrolmentPort, federationPort };
  }

  /** New connections get a new server certificate. */
  replaceIdentity(identity: ServerIdentity): void {
    this.#enrolment.replaceIdentity(identity);
    this.#federation.replaceIdentity(identity);
  }

  /** Takes no new connection, lets open calls end for at most `graceMs`, then ends what is left. */
  async drain(graceMs: number): Promise<void> {
    const timer = this.#timers.after(graceMs, () => this.#force());
    await Promise.all([this.#enrolment.drained(), this.#federation.drained()]);
    this.#timers.cancel(timer);
    this.#force();
  }

  #force(): void {
    this.#enrolment.force();
    this.#federation.force();
  }
}
