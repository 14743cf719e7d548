import { connect, createServer, type Server, type Socket } from 'node:net';
import { unwrap } from '../base/fault.ts';
import { Crowd } from '../base/serving/crowd.ts';
import { listenOn } from '../base/serving/listen.ts';
import { networkOf } from '../base/serving/network.ts';
import type { RateLimiter } from '../base/serving/rate-limit.ts';
import type { Timers } from '../base/time.ts';
import { parseAddress } from '../client/link/address.ts';
import {
  type ConnectionCaps,
  type ConnectionRefusal,
  Connections,
} from '../coordinator/grpc/connections/connections.ts';

type WayParts = Readonly<{
  /** Of the leader's enrolment listener; tried in turn. */
  addresses: () => readonly string[];
  /** By the network of who connects. */
  limiter: RateLimiter;
  /** As a coordinator's; silence ends none, since what is said here is not read. */
  caps: Omit<ConnectionCaps, 'silentMs'>;
  /** Of those who have said something: so many connections a coordinator takes of one address, which is this door's. */
  onwardMax: number;
  timers: Timers;
  refused: (why: ConnectionRefusal) => void;
}>;

const connectMs = 3_000;
/** Longer than the leader lets a stranger stay. */
const lifeMs = 90_000;

/**
 * The way of newcomers to the leader, byte by byte: TLS ends there, so that no door sees a join token or a proof, and none can
 * answer in the leader's place. What is counted here is connections of each address, which crowds out itself alone. Who says nothing has none to the
 * leader, and of those who have, the oldest of the address that has most gives way.
 */
export class EnrolmentWay {
  readonly #parts: WayParts;
  readonly #server: Server;
  readonly #connections: Connections;
  readonly #onward = new Crowd<Socket>();
  #turn = 0;

  constructor(parts: WayParts) {
    this.#parts = parts;
    const { caps, timers, refused } = parts;
    this.#connections = new Connections({ caps: { ...caps, silentMs: lifeMs }, timers, refused });
    this.#server = createServer({ noDelay: true }, (near) => this.#join(near));
  }

  listen(address: string): Promise<number> {
    return listenOn(this.#server, address);
  }

  get openCount(): number {
    return this.#connections.openCount;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#connections.end();
    await closed;
  }

  #join(near: Socket): void {
    const { limiter, timers, refused } = this.#parts;
    near.on('error', () => near.destroy());
    if (!limiter.take(networkOf(near.remoteAddress ?? ''), timers.now())) {
      refused('address');
      near.destroy();
      return;
    }
    if (!this.#connections.admit(near)) return;
    near.once('readable', () => void this.#lead(near));
  }

  /** `near` has said something, or has gone. */
  async #lead(near: Socket): Promise<void> {
    const { onwardMax, refused } = this.#parts;
    if (near.readableLength === 0) {
      near.destroy();
      return;
    }
    const network = networkOf(near.remoteAddress ?? '');
    const oldest = this.#onward.size < onwardMax ? undefined : this.#onward.oldestOfMost();
    if (oldest !== undefined) {
      this.#onward.delete(oldest.network, oldest.connection); // At once: it closes only later.
      refused('evicted');
      oldest.connection.destroy();
    }
    this.#onward.add(network, near);
    near.once('close', () => this.#onward.delete(network, near));
    const far = await this.#reach();
    if (far === undefined || near.destroyed) {
      far?.destroy();
      near.destroy();
      return;
    }
    far.on('error', () => far.destroy());
    near.once('close', () => far.destroy());
    far.once('close', () => near.destroy());
    near.pipe(far);
    far.pipe(near);
  }

  /** Who does not lead does not listen. */
  async #reach(): Promise<Socket | undefined> {
    const addresses = this.#parts.addresses();
    for (const _ of addresses) {
      const socket = await this.#connect(addresses[this.#turn % addresses.length] as string);
      if (socket !== undefined) return socket;
      this.#turn += 1;
    }
    return undefined;
  }

  #connect(address: string): Promise<Socket | undefined> {
    const { host, port } = unwrap(parseAddress(address)); // Checked where they were read.
    return new Promise((resolve) => {
      const socket = connect({ host, port, noDelay: true });
      const fail = () => {
        socket.destroy();
        resolve(undefined);
      };
      socket.setTimeout(connectMs, fail);
      socket.once('error', fail);
      socket.once('connect', () => {
        socket.setTimeout(0);
        socket.off('error', fail);
        resolve(socket);
      });
    });
  }
}
