import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { createServer, request } from '../../base/serving/node-http.ts';

/** What is asked of the store, as far as faults are chosen by it. */
export type Asked = Readonly<{ method: string; isListing: boolean; key: string }>;

export type StoreFault = Readonly<
  /** Answers so, and asks nothing of the store. */
  | { kind: 'status'; status: number }
  /** Does it, and ends the connection in the place of an answer. */
  | { kind: 'saysNothing' }
  /** Announces the whole body, and ends the connection after half of it. */
  | { kind: 'half' }
  /** 200, with the right length and one other byte. */
  | { kind: 'otherBytes' }
  /** One byte a second. */
  | { kind: 'trickle' }
  /** Does not begin before the promise resolves. */
  | { kind: 'held'; until: Promise<unknown> }
  /** An answer of before. */
  | { kind: 'old'; body: Buffer }
>;

/** An HTTP proxy on the loopback in front of a store, which is as faulty as it is told to be. */
export class FaultyStore {
  readonly #server: Server;
  readonly #port: number;
  /** The fault of a request; undefined where there is none. */
  fault: (asked: Asked) => StoreFault | undefined = () => undefined;
  readonly asked: Asked[] = [];
  /** The last listing as the store gave it. */
  listing: Buffer = Buffer.alloc(0);

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.#port = port;
    server.on('request', (incoming, answer) => void this.#serve(incoming, answer).catch(() => answer.destroy()));
  }

  static async open(port: number): Promise<FaultyStore> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FaultyStore(server, port);
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** So many requests of a method fail so; those after them do not. */
  failNext(method: string, times: number, fault: StoreFault): void {
    let left = times;
    this.fault = (asked) => {
      if (asked.method !== method || left === 0) return undefined;
      left -= 1;
      return fault;
    };
  }

  heal(): void {
    this.fault = () => undefined;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(incoming.url as string, 'http://localhost');
    const asked = { method: incoming.method as string, isListing: searchParams.has('list-type'), key: pathname };
    this.asked.push(asked);
    const fault = this.fault(asked);
    const sent = await buffer(incoming);
    if (fault?.kind === 'held') await fault.until;
    if (fault?.kind === 'status') {
      answer.writeHead(fault.status, { 'content-length': 0, date: new Date().toUTCString() }).end();
      return;
    }
    const { status, headers, body } = await this.#ask(incoming, sent);
    if (asked.isListing) this.listing = body;
    if (fault?.kind === 'saysNothing') answer.destroy();
    else if (fault?.kind === 'old') answer.writeHead(200, { 'content-type': 'application/xml' }).end(fault.body);
    else if (fault?.kind === 'otherBytes') {
      body[Math.floor(body.byteLength / 2)] = (body[Math.floor(body.byteLength / 2)] as number) ^ 1;
      answer.writeHead(status, headers).end(body);
    } else if (fault?.kind === 'half') {
      answer.writeHead(status, headers);
      answer.write(body.subarray(0, body.byteLength / 2), () => answer.destroy());
    } else if (fault?.kind === 'trickle') {
      answer.writeHead(status, headers);
      let at = 0;
      const drop = setInterval(() => answer.write(body.subarray(at, ++at)), 1_000);
      answer.on('close', () => clearInterval(drop));
    } else answer.writeHead(status, headers).end(body);
  }

  /** As it came: the signature covers the host that the client named. */
  async #ask({ method, url, headers }: IncomingMessage, sent: Buffer) {
    const asking = request({ host: '127.0.0.1', port: this.#port, method, path: url, headers, agent: false });
    asking.end(sent);
    const [given] = (await once(asking, 'response')) as [IncomingMessage];
    const body = await buffer(given);
    const { 'transfer-encoding': _, connection: __, ...rest } = given.headers;
    const length = method === 'HEAD' ? rest['content-length'] : String(body.byteLength);
    const sized = length === undefined ? rest : { ...rest, 'content-length': length };
    return { status: given.statusCode as number, headers: sized, body };
  }
}
