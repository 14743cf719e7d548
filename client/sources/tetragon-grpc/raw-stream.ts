import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { status } from '@grpc/grpc-js';
import { FaultError, refuse } from '../../../base/fault.ts';
import type { Timers } from '../../../base/time.ts';
import { faultOfError } from '../../../proto/call.ts';
import { pacedConnection } from './paced-connection.ts';

export type RawStreamOptions = Readonly<{
  /** As "/package.Service/Method". */
  path: string;
  timers: Timers;
}>;

/** A server stream of gRPC, its messages as they lie on the wire. */
export type RawStream = Readonly<{
  /**
   * What has come since, message after message, without copies: valid until the next is asked for. Empty after a while in
   * which nothing came. Ends, or throws a FaultError, after everything that came before is given out.
   */
  batches: AsyncIterable<readonly Buffer[]>;
  close(): void;
}>;

const messageBytesMax = 4 * 2 ** 20;
/** What may be on its way; HTTP/2's own 64 KiB would hold a busy stream to one window a round trip. */
const windowBytes = 2 ** 18;
/** Whoever reads hears that nothing came, soon the first time and then now and then. */
const idleMs = 50;
const idleAgainMs = 1_000;
const pingMs = 30_000;

/**
 * Opens a stream without gRPC's client, whose cost for each message is more than all that is done with one here. For sensors on
 * the node: "unix:///run/x.sock" or host:port, plaintext. An empty request message is sent.
 */
export function openRawStream(address: string, { path, timers }: RawStreamOptions): RawStream {
  const socket = /^unix:(?:\/\/)?(.+)$/.exec(address)?.[1];
  const authority = new URL(socket === undefined ? `http://${address}` : 'http://localhost');
  const session = connect(authority, {
    settings: { initialWindowSize: windowBytes, enablePush: false },
    createConnection: () => pacedConnection(socket === undefined ? hostAndPort(authority) : { path: socket }, timers),
  });
  session.once('connect', () => session.setLocalWindowSize(2 * windowBytes));
  const pinging = timers.every(pingMs, pinger(session), { background: true });
  const call = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
    'grpc-accept-encoding': 'identity',
  });
  call.end(Buffer.alloc(5));
  const close = () => {
    timers.cancel(pinging);
    session.destroy();
  };
  return { batches: batchesOf(new Arriving(session, call, timers)), close };
}

/** A peer that vanished without a word is found out: it owes an answer to the ping before. */
function pinger(session: ClientHttp2Session): () => void {
  let owed = false;
  return () => {
    if (session.destroyed || session.connecting) return;
    if (owed) {
      session.destroy(new Error('no answer to a ping'));
      return;
    }
    owed = session.ping(() => {
      owed = false;
    });
  };
}

/** As Node's own client reads them: an IPv6 address stands in brackets. */
function hostAndPort({ hostname, port }: URL) {
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 80) };
}

async function* batchesOf(arriving: Arriving): AsyncGenerator<readonly Buffer[]> {
  const frames = new Frames();
  let idleFor = idleMs;
  for (;;) {
    const chunks = arriving.take();
    if (chunks !== undefined) {
      idleFor = idleMs;
      yield frames.read(chunks);
      continue;
    }
    if (arriving.ended) break;
    if (await arriving.changed(idleFor)) continue;
    idleFor = idleAgainMs;
    yield [];
  }
  const why = arriving.failure;
  if (why !== undefined) throw new FaultError(faultOfError(why));
}

/** Bytes of a call as they come, and how it ended. Reads on only while less than a window waits. */
class Arriving {
  readonly #call: ClientHttp2Stream;
  readonly #timers: Timers;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #status: number | undefined;
  #details = '';
  #error: Error | undefined;
  #wake: () => void = () => undefined;
  ended = false;

  constructor(session: ClientHttp2Session, call: ClientHttp2Stream, timers: Timers) {
    this.#call = call;
    this.#timers = timers;
    const fail = (error: Error) => {
      this.#error ??= error;
      this.#end();
    };
    session.on('error', fail);
    call.on('error', fail);
    call.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#bytes += chunk.length;
      if (this.#bytes > windowBytes) call.pause();
      this.#wake();
    });
    const read = (headers: Readonly<Record<string, unknown>>) => {
      const said = headers['grpc-status'];
      if (said !== undefined) this.#status = Number(said);
      this.#details = String(headers['grpc-message'] ?? this.#details);
    };
    call.on('response', (headers) => {
      read(headers);
      if (headers[':status'] !== 200) fail(new Error(`answered with HTTP ${headers[':status']}`));
    });
    call.on('trailers', read);
    call.on('end', () => this.#end());
    call.on('close', () => this.#end());
  }

  /** Undefined where the call ended as it should. */
  get failure(): Readonly<{ code: number; details: string }> | undefined {
    if (this.#status === status.OK && this.#error === undefined) return undefined;
    const details = this.#details || (this.#error?.message ?? 'the connection was lost');
    return { code: this.#status || status.UNAVAILABLE, details };
  }

  take(): readonly Buffer[] | undefined {
    if (this.#chunks.length === 0) return undefined;
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#bytes = 0;
    if (this.#call.isPaused()) this.#call.resume();
    return chunks;
  }

  /** True as soon as something is there or the call has ended; false after so long. One at a time. */
  changed(milliseconds: number): Promise<boolean> {
    if (this.#chunks.length > 0 || this.ended) return Promise.resolve(true);
    return new Promise((resolve) => {
      const tell = (has: boolean) => {
        this.#timers.cancel(timer);
        this.#wake = () => undefined;
        resolve(has);
      };
      const timer = this.#timers.after(milliseconds, () => tell(false));
      this.#wake = () => tell(true);
    });
  }

  #end(): void {
    this.ended = true;
    this.#wake();
  }
}

/** Takes messages out of chunks: a flag, four bytes of length, the message. Only one that lies in two chunks is copied. */
class Frames {
  /** The beginning of a message whose end has not come. */
  #rest: Buffer = Buffer.alloc(0);

  read(chunks: readonly Buffer[]): readonly Buffer[] {
    const messages: Buffer[] = [];
    for (const chunk of chunks) {
      const joined = this.#rest.length === 0 ? 0 : this.#join(chunk, messages);
      if (joined < chunk.length) this.#rest = Buffer.from(chunk.subarray(this.#take(chunk, joined, messages)));
    }
    return messages;
  }

  /** Ends the message that was begun; where in the chunk the next one begins. */
  #join(chunk: Buffer, messages: Buffer[]): number {
    const before = this.#rest.length;
    const head = before >= 5 ? this.#rest : Buffer.concat([this.#rest, chunk.subarray(0, 5 - before)]);
    const wanted = head.length < 5 ? 5 : 5 + lengthIn(head, 0);
    const used = Math.min(chunk.length, wanted - before);
    const whole = Buffer.concat([this.#rest, chunk.subarray(0, used)]);
    this.#rest = Buffer.alloc(0);
    if (this.#take(whole, 0, messages) < whole.length) this.#rest = whole;
    return used;
  }

  /** Where the first message begins that is not whole. */
  #take(bytes: Buffer, from: number, messages: Buffer[]): number {
    let at = from;
    while (at + 5 <= bytes.length) {
      const end = at + 5 + lengthIn(bytes, at);
      if (end > bytes.length) break;
      messages.push(bytes.subarray(at + 5, end));
      at = end;
    }
    return at;
  }
}

function lengthIn(bytes: Buffer, at: number): number {
  const length = bytes.readUInt32BE(at + 1);
  if (bytes[at] !== 0) throw broken('a message is compressed, though nobody asked for it');
  if (length > messageBytesMax) throw broken(`a message has ${length} bytes; at most ${messageBytesMax}`);
  return length;
}

function broken(why: string): FaultError {
  return new FaultError(refuse('STREAM_BROKEN', why).fault);
}
