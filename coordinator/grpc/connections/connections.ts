import type { Socket } from 'node:net';
import { Crowd } from '../../../base/serving/crowd.ts';
import { networkOf } from '../../../base/serving/network.ts';
import type { Timer, Timers } from '../../../base/time.ts';
import { holdHello } from './held-hello.ts';
import { Tally } from './tally.ts';

export type ConnectionCaps = Readonly<{
  /** Open at once, of all peers. */
  atOnceMax: number;
  /** Of one address (one /64 of IPv6). */
  perAddressMax: number;
  /** Of all peers, that have made no call yet: they may be anyone's. */
  silentMax: number;
  /** How long one may stay without having made a call. */
  silentMs: number;
  /** Of one peer that has proven who it is, from any address. */
  perPeerMax: number;
  /**
   * So many at once between their hello and their first call; who comes meanwhile waits. All of thousands that come back
   * together would be begun otherwise, and none be done before its time is over. Absent: each begins when it comes.
   */
  handshakesMax?: number;
  /** Whether a call proves who is there. Where it does not, a connection can give way to a newer one at any time. */
  callProves: boolean;
}>;

/** Why a connection was not taken, or ended by us. */
export type ConnectionRefusal = 'address' | 'peer' | 'full' | 'evicted' | 'silent';

type Connection = {
  readonly socket: Socket;
  readonly network: string;
  /** Lets it speak. */
  readonly begin: () => void;
  /** Of one that waits: gives back what it has said. */
  release: (() => void) | undefined;
  timer: Timer | undefined;
  /** Looks whether its peer still has something to say; undefined once it has called, and before it has begun. */
  turn: Timer | undefined;
  /** Who is there, once it has made a call. */
  peer: string | undefined;
};

type ConnectionsParts = Readonly<{
  caps: ConnectionCaps;
  timers: Timers;
  refused: (why: ConnectionRefusal) => void;
}>;

/**
 * Who says nothing more for so long before its first call leaves its turn to one of another address, and goes on beside it; to one of its own
 * address only after five times that: where all of a crowd are slow, more of them at once are no faster.
 */
const stallMs = 1_000;
const stallsMax = 5;

/**
 * The open connections of one listener, each counted before TLS has read a byte. When there is no room, the oldest of
 * those that have proven nothing gives way, of the address that has most of them: one address crowds out itself alone.
 *
 * Of those that wait the newest goes first (LIFO under load: Maurer, "Fail at Scale", ACM Queue 13(8), 2015). Each gives up after a time
 * of its own; where the queue is longer than that, oldest first would begin nobody but those who are about to go, or have gone.
 */
export class Connections {
  readonly #parts: ConnectionsParts;
  readonly #open = new Map<string, Connection>();
  readonly #perNetwork = new Tally();
  readonly #perPeer = new Tally();
  readonly #unproven = new Crowd<Connection>();
  /** Have not said what a peer says before it is answered: who says nothing takes no turn from who does. */
  readonly #mute = new Crowd<Connection>();
  /** Have said it, and wait for their turn. */
  readonly #waiting = new Crowd<Connection>();
  #turns = 0;

  constructor(parts: ConnectionsParts) {
    this.#parts = parts;
  }

  get openCount(): number {
    return this.#open.size;
  }

  get unprovenCount(): number {
    return this.#unproven.size;
  }

  /** Connections that have said their hello, and whose handshake has not begun. */
  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** Whether this one may stay. Otherwise it is gone. `begin`: told when its handshake may begin, with all that it has said still unread. */
  admit(socket: Socket, begin: () => void = () => {}): boolean {
    const { caps, timers } = this.#parts;
    socket.on('error', () => {}); // A reset before TLS has taken over is nobody's error.
    const { remoteAddress, remotePort } = socket;
    if (remoteAddress === undefined || remotePort === undefined) return this.#reject(socket, undefined);
    const network = networkOf(remoteAddress);
    if (this.#perNetwork.of(network) >= caps.perAddressMax) return this.#reject(socket, 'address');
    if (this.#open.size >= caps.atOnceMax && !this.#evictOne()) return this.#reject(socket, 'full');

    const key = keyOf(remoteAddress, remotePort);
    const unknown = { release: undefined, timer: undefined, turn: undefined, peer: undefined };
    const connection: Connection = { socket, network, begin, ...unknown };
    this.#open.set(key, connection);
    this.#perNetwork.add(network);
    socket.once('close', () => {
      this.#open.delete(key);
      timers.cancel(connection.timer);
      this.#forget(connection);
      this.#perNetwork.remove(network);
      if (connection.peer !== undefined) this.#perPeer.remove(connection.peer);
      this.#endTurn(connection);
    });
    if (caps.handshakesMax === undefined) this.#begin(connection);
    else this.#hear(connection);
    return true;
  }

  /** A call came in by this connection. Returns who makes it, which is found out once. */
  called(address: string | undefined, port: number | undefined, whoIs: (network: string) => string): string {
    const connection = this.#open.get(keyOf(address, port));
    if (connection === undefined) return whoIs(networkOf(address ?? ''));
    if (connection.peer === undefined) {
      connection.peer = whoIs(connection.network);
      this.#perPeer.add(connection.peer);
      this.#parts.timers.cancel(connection.timer);
      if (this.#parts.caps.callProves) this.#prove(connection);
      this.#endTurn(connection);
      if (this.#perPeer.of(connection.peer) > this.#parts.caps.perPeerMax) this.#end(connection, 'peer');
    }
    return connection.peer;
  }

  /** Cuts all that are open. */
  end(): void {
    for (const { socket } of this.#open.values()) socket.destroy();
  }

  #reject(socket: Socket, why: ConnectionRefusal | undefined): false {
    if (why !== undefined) this.#parts.refused(why);
    socket.destroy();
    return false;
  }

  /** Lets it wait for its turn once it has said its hello. */
  #hear(connection: Connection): void {
    const { socket, network } = connection;
    this.#mute.add(network, connection);
    this.#endWhenSilent(connection);
    connection.release = holdHello(socket, () => {
      this.#parts.timers.cancel(connection.timer);
      this.#mute.delete(network, connection);
      this.#waiting.add(network, connection);
      this.#beginSome();
    });
  }

  #endWhenSilent(connection: Connection): void {
    const { caps, timers } = this.#parts;
    connection.timer = timers.after(caps.silentMs, () => this.#end(connection, 'silent'), { background: true });
  }

  #beginSome(): void {
    const { handshakesMax = Number.POSITIVE_INFINITY } = this.#parts.caps;
    while (this.#turns < handshakesMax) {
      const next = this.#waiting.takeNewestInTurn();
      if (next === undefined) return;
      if (!hasGone(next.socket)) this.#begin(next);
    }
  }

  #begin(connection: Connection): void {
    const { caps } = this.#parts;
    if (this.#unproven.size >= caps.silentMax) this.#evict(this.#unproven);
    this.#unproven.add(connection.network, connection);
    this.#endWhenSilent(connection);
    if (caps.handshakesMax !== undefined) {
      this.#turns += 1;
      this.#watchTurn(connection);
    }
    connection.release?.();
    connection.begin();
  }

  /** Ends its turn once its peer stalls. `stalls`: how often it has been found silent. */
  #watchTurn(connection: Connection, stalls = 0): void {
    const { timers } = this.#parts;
    const before = connection.socket.bytesRead;
    const look = () => {
      if (connection.turn === undefined) return;
      const silent = connection.socket.bytesRead === before ? stalls + 1 : 0;
      const isAlone = this.#waiting.size === this.#waiting.sizeOf(connection.network);
      if (silent >= (isAlone ? stallsMax : 1)) this.#endTurn(connection);
      else this.#watchTurn(connection, silent);
    };
    // Timers run before sockets are read: when it is we who were too busy, what came meanwhile still counts.
    connection.turn = timers.after(stallMs, () => void setImmediate(look), { background: true });
  }

  #endTurn(connection: Connection): void {
    if (connection.turn === undefined) return;
    this.#parts.timers.cancel(connection.turn);
    connection.turn = undefined;
    this.#turns -= 1;
    this.#beginSome();
  }

  /** Makes room: of those that have cost least. False when there is nobody who could give way. */
  #evictOne(): boolean {
    return this.#evict(this.#mute) || this.#evict(this.#waiting) || this.#evict(this.#unproven);
  }

  /** False when there is nobody who could give way. */
  #evict(crowd: Crowd<Connection>): boolean {
    const oldest = crowd.oldestOfMost();
    if (oldest === undefined) return false;
    this.#end(oldest.connection, 'evicted');
    return true;
  }

  #end(connection: Connection, why: ConnectionRefusal): void {
    this.#parts.refused(why);
    this.#forget(connection); // At once: its socket closes only later.
    connection.socket.destroy();
  }

  /** It is in no crowd any more. */
  #forget(connection: Connection): void {
    this.#mute.delete(connection.network, connection);
    this.#waiting.delete(connection.network, connection);
    this.#prove(connection);
  }

  /** It is not among the unproven any more. */
  #prove(connection: Connection): void {
    this.#unproven.delete(connection.network, connection);
  }
}

/** Its end was read, or it is cut, and only its close is still to come. */
function hasGone({ readableEnded, destroyed }: Socket): boolean {
  return readableEnded || destroyed;
}

function keyOf(address: string | undefined, port: number | undefined): string {
  return `${address}|${port}`;
}
