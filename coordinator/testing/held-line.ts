import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** What a line does with bytes: to the server and from it, each on its own. */
export type LineMode = Readonly<{ toServer: 'pass' | 'hold' | 'drop'; toClient: 'pass' | 'drop' }>;

export const openLine: LineMode = { toServer: 'pass', toClient: 'pass' };

type Way = 'toServer' | 'toClient';
type Pair = { near: Socket; far: Socket; held: Buffer[]; cutAfter: Record<Way, number> };

/**
 * A TCP proxy on the loopback between a client and a server, for what networks do to a commit: bytes that arrive when nobody
 * waits for them any more, answers that never come, a line that is cut in the middle of a statement.
 */
export class HeldLine {
  readonly port: number;
  mode: LineMode = openLine;
  /** How many bytes have come from either side. */
  readonly came: Record<Way, number> = { toServer: 0, toClient: 0 };
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();

  private constructor(server: Server, targetPort: () => number) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (near) => this.#join(near, connect(targetPort(), '127.0.0.1')));
  }

  static async open(targetPort: () => number): Promise<HeldLine> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new HeldLine(server, targetPort);
  }

  /** Bytes to the server that are held now. */
  get heldBytes(): number {
    return [...this.#pairs].flatMap(({ held }) => held).reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** Ends the client's side of every connection; the server's side stays, with what is held for it. */
  cutClients(): void {
    for (const { near } of this.#pairs) near.destroy();
  }

  /** Ends both sides of every connection once so many bytes more have gone over it to the server, or from it. */
  cutAfter(bytes: number, way: Way = 'toServer'): void {
    for (const pair of this.#pairs) pair.cutAfter[way] = bytes;
  }

  cut(): void {
    for (const { near, far } of this.#pairs) for (const socket of [near, far]) socket.destroy();
  }

  /** Delivers what was held, late as it is; of each connection so many bytes less than all, which stay held. */
  deliver(less = 0): void {
    for (const pair of this.#pairs) {
      const bytes = Buffer.concat(pair.held.splice(0));
      const count = Math.max(bytes.byteLength - less, 0);
      pair.far.write(bytes.subarray(0, count));
      if (count < bytes.byteLength) pair.held.push(bytes.subarray(count));
    }
  }

  /** Refuses connections from here on. May be called twice. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.cut();
    await closed;
  }

  #join(near: Socket, far: Socket): void {
    const never = Number.POSITIVE_INFINITY;
    const pair: Pair = { near, far, held: [], cutAfter: { toServer: never, toClient: never } };
    this.#pairs.add(pair);
    for (const socket of [near, far]) socket.on('error', () => {});
    near.on('data', (bytes) => {
      this.came.toServer += bytes.byteLength;
      this.#toServer(pair, bytes);
    });
    far.on('data', (bytes) => {
      this.came.toClient += bytes.byteLength;
      if (this.mode.toClient === 'pass') this.#pass(pair, bytes, 'toClient');
    });
    far.on('close', () => {
      near.destroy();
      this.#pairs.delete(pair);
    });
    near.on('close', () => {
      if (pair.held.length === 0 && this.mode.toServer === 'pass' && this.mode.toClient === 'pass') far.destroy();
    });
  }

  #toServer(pair: Pair, bytes: Buffer): void {
    const { held } = pair;
    if (this.mode.toServer === 'hold' || held.length > 0) {
      held.push(bytes);
      return;
    }
    if (this.mode.toServer === 'drop') return;
    this.#pass(pair, bytes, 'toServer');
  }

  /** What came before the cut still arrives. */
  #pass({ near, far, cutAfter }: Pair, bytes: Buffer, way: Way): void {
    const [from, to] = way === 'toServer' ? [near, far] : [far, near];
    to.write(bytes.subarray(0, Math.max(0, Math.min(bytes.byteLength, cutAfter[way]))));
    cutAfter[way] -= bytes.byteLength;
    if (cutAfter[way] > 0) return;
    from.destroy();
    to.end();
  }
}
