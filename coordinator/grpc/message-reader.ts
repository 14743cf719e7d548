import type { Readable } from 'node:stream';
import type { Timers } from '../../base/time.ts';

export type Read<Message> = Readonly<
  { kind: 'message'; message: Message } | { kind: 'end' } | { kind: 'tooSlow' } | { kind: 'aborted' }
>;

/**
 * Reads a client stream one message at a time: the next is asked for when `next()` is called. grpc-js makes the stream a
 * Readable that reads 16 messages ahead, 20 MiB of ours; its mark is lowered to one, since no option reaches it.
 */
export class MessageReader<Message> {
  readonly #call: Readable;
  readonly #signal: AbortSignal;
  readonly #timers: Timers;
  #ended = false;
  #wake: () => void = () => {};

  constructor(call: Readable, signal: AbortSignal, timers: Timers) {
    this.#call = call;
    this.#signal = signal;
    this.#timers = timers;
    const { _readableState: state } = call as unknown as { _readableState: { highWaterMark: number } };
    state.highWaterMark = 1;
    call.once('end', () => {
      this.#ended = true;
      this.#wake();
    });
    call.on('readable', () => this.#wake());
    call.on('close', () => this.#wake());
    call.on('error', () => this.#wake()); // A cut stream: `aborted` says it.
    signal.addEventListener('abort', () => this.#wake());
  }

  /** The next message, waiting at most `idleMsMax` for it. One caller at a time. */
  async next(idleMsMax: number): Promise<Read<Message>> {
    for (;;) {
      if (this.#signal.aborted) return { kind: 'aborted' };
      const message: Message | null = this.#call.read();
      if (message !== null) return { kind: 'message', message };
      if (this.#ended) return { kind: 'end' };
      if (this.#call.destroyed) return { kind: 'aborted' };
      if (await this.#change(idleMsMax)) continue;
      // Timers run before sockets are read: when it is we who were too busy, what came meanwhile still counts.
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#call.readableLength === 0 && !this.#ended) return { kind: 'tooSlow' };
    }
  }

  /** Whether anything happened to the stream in time. */
  #change(idleMsMax: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = this.#timers.after(idleMsMax, () => resolve(false));
      this.#wake = () => {
        this.#timers.cancel(timer);
        resolve(true);
      };
    });
  }
}
