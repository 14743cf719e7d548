import type { ServerWritableStream } from '@grpc/grpc-js';
import { isMissing } from '../../../base/atomic-file.ts';
import { ok, type Result, refuse } from '../../../base/fault.ts';
import { pause } from '../../../base/pause.ts';
import type { Timers } from '../../../base/time.ts';
import { within } from '../../../base/waiting/within.ts';
import { encodingFor } from '../../../proto/chunk-encoding.ts';
import {
  type FetchFileRequest,
  ReleasesService,
  type SubscribeRequest,
  type SubscribeResponse,
} from '../../../proto/generated/testudo/v1/releases.ts';
import { type Digest, isDigest } from '../../../proto/ids.ts';
import type { ReleasesRelay } from './releases-relay.ts';
import { type SentFile, SentFiles } from './sent-files.ts';

export type Subscriber = ServerWritableStream<SubscribeRequest, SubscribeResponse>;
/** Is written messages that are encoded already. */
export type Fetcher = ServerWritableStream<FetchFileRequest, Buffer>;

/** The contract's service, but for files, whose messages come encoded. */
export const relayedReleases = {
  ...ReleasesService,
  fetchFile: { ...ReleasesService.fetchFile, responseSerialize: (message: Buffer) => message },
};

const usualLimits = {
  /** Files that a hub sends at once: each holds a chunk or two in memory. */
  fetchesMax: 64,
  /** Of one sensor: a file for each track, and calls of a connection that was cut and is not over yet. */
  ofPeerMax: 8,
  /** A chunk of 256 KiB that takes longer is sent more slowly than a sensor itself puts up with (client/releases/agent-ports.ts). */
  stallMs: 20_000,
};
/** The hub's own agent may still be fetching what a sensor asks for already. */
const waitMs = 20_000;
/** All sensors ask at once for a new release, and hang up by themselves only later (client/sensor/hub-link.ts). */
const turnMsMax = 50_000;
const lookMs = 100;

/** The relayed set at once, then each newer one; a slow reader gets the newest when it is ready for it. Ends with the call. */
export async function serveReleases(relay: ReleasesRelay, call: Subscriber): Promise<void> {
  const cancelled = new Promise<void>((resolve) => {
    call.once('cancelled', resolve);
    call.once('error', () => resolve());
  });
  let { rootVersion } = call.request;
  while (!call.cancelled && !call.destroyed) {
    const next = relay.next();
    const message = relay.messageFor(rootVersion);
    if (message !== undefined) {
      const { roots, ...set } = message.received;
      rootVersion += roots.length;
      const ready = call.write({
        roots: roots.map((one) => Buffer.from(one)),
        timestamp: Buffer.from(set.timestamp),
        snapshot: Buffer.from(set.snapshot),
        catalogue: Buffer.from(set.catalogue),
        pins: Buffer.from(set.pins),
        labels: Object.entries(message.labels).map(([key, value]) => ({ key, value })),
      });
      if (!ready) await Promise.race([new Promise((resolve) => call.once('drain', resolve)), cancelled]);
    }
    await Promise.race([next, cancelled]);
  }
}

type FetchFaultCode = 'REQUEST_INVALID' | 'MODEL_UNKNOWN' | 'FETCHES_BUSY' | 'OFFSET_BEYOND_END' | 'PEER_TOO_SLOW';

/** Files of releases, from where the hub's own agent keeps them: whole, checked, by digest. */
export class ReleaseFileServer {
  readonly #files: SentFiles;
  readonly #timers: Timers;
  readonly #signal: AbortSignal;
  readonly #limits: typeof usualLimits;
  #open = 0;
  /** Calls under way by who made them. */
  readonly #ofPeer = new Map<string, number>();
  readonly #waiting: (() => void)[] = [];

  constructor(pathOf: (digest: Digest) => string, timers: Timers, signal: AbortSignal, limits = usualLimits) {
    this.#files = new SentFiles(pathOf);
    this.#timers = timers;
    this.#signal = signal;
    this.#limits = limits;
  }

  /** Calls that have no place yet. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /**
   * Sends the file from the offset on; the fault that the call is to be ended with. Who does not read loses its place, and
   * its call counts against itself until it is over: what was written to it is still held.
   */
  async serve(call: Fetcher, peer: string): Promise<Result<undefined, FetchFaultCode>> {
    const { digest, offset } = call.request;
    if (!isDigest(digest)) return refuse('REQUEST_INVALID', 'a digest that is none');
    const already = this.#ofPeer.get(peer) ?? 0;
    if (already >= this.#limits.ofPeerMax) {
      return refuse('FETCHES_BUSY', `${peer} is being sent ${already} files already`);
    }
    this.#ofPeer.set(peer, already + 1);
    const over = overOf(call);
    let isStuck = false;
    try {
      const served = await this.#serve(call, digest, Number(offset));
      isStuck = !served.ok && served.fault.code === 'PEER_TOO_SLOW';
      return served;
    } finally {
      if (isStuck) void over.then(() => this.#leave(peer));
      else this.#leave(peer);
    }
  }

  #leave(peer: string): void {
    const left = (this.#ofPeer.get(peer) ?? 0) - 1;
    if (left > 0) this.#ofPeer.set(peer, left);
    else this.#ofPeer.delete(peer);
  }

  async #serve(call: Fetcher, digest: Digest, from: number): Promise<Result<undefined, FetchFaultCode>> {
    const file = await this.#opened(call, digest);
    if (file === undefined) return refuse('MODEL_UNKNOWN', `${digest} is not here`);
    try {
      // Whoever finds no room waits: coming back later takes longer.
      if (!(await this.#hasTurn(call))) {
        return refuse('FETCHES_BUSY', `${this.#limits.fetchesMax} files are being sent already`);
      }
      try {
        return await this.#send(call, file, digest, from);
      } finally {
        const next = this.#waiting.shift();
        if (next === undefined) this.#open -= 1;
        else next(); // The place goes on to the next in line.
      }
    } finally {
      await file.release();
    }
  }

  async #send(
    call: Fetcher,
    file: SentFile,
    digest: Digest,
    from: number,
  ): Promise<Result<undefined, 'OFFSET_BEYOND_END' | 'PEER_TOO_SLOW'>> {
    if (from > file.size) return refuse('OFFSET_BEYOND_END', `${digest} has ${file.size} bytes`);
    const encoding = encodingFor(call.request.encodings);
    const { stallMs } = this.#limits;
    for (let at = from; at < file.size && !call.cancelled; ) {
      const { message, next } = await file.messageAt(at, encoding);
      if ((await within(this.#timers, stallMs, written(call, message))) === 'late') {
        return refuse('PEER_TOO_SLOW', `the chunk at ${at} of ${digest} was not read within ${stallMs} ms`);
      }
      at = next;
    }
    return ok(undefined);
  }

  /** First come, first served; false where nothing came free in time. */
  #hasTurn(call: Fetcher): Promise<boolean> {
    if (this.#open < this.#limits.fetchesMax) {
      this.#open += 1;
      return Promise.resolve(true);
    }
    return new Promise((resolve) => {
      const take = () => {
        this.#timers.cancel(timer);
        resolve(true);
      };
      const give = () => {
        const at = this.#waiting.indexOf(take);
        if (at < 0) return; // It has its turn, and ends it.
        this.#waiting.splice(at, 1);
        this.#timers.cancel(timer);
        resolve(false);
      };
      const timer = this.#timers.after(turnMsMax, give);
      call.once('cancelled', give);
      this.#waiting.push(take);
    });
  }

  async #opened(call: Fetcher, digest: Digest) {
    const untilMs = this.#timers.monotonicMs() + waitMs;
    while (!call.cancelled && !this.#signal.aborted) {
      try {
        return await this.#files.open(digest);
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
      if (this.#timers.monotonicMs() > untilMs) return undefined;
      await pause(this.#timers, lookMs, this.#signal);
    }
    return undefined;
  }
}

/** Resolves when a message is on its way, or the call is over. */
function written(call: Fetcher, message: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      call.off('cancelled', done);
      resolve();
    };
    // grpc-js never calls back for a message of a cancelled call.
    call.once('cancelled', done);
    if (call.cancelled) done();
    else call.write(message, done);
  });
}

/** Resolves when nothing more goes out to this call. */
function overOf(call: Fetcher): Promise<void> {
  return new Promise((resolve) => {
    call.once('cancelled', () => resolve());
    call.once('close', () => resolve());
  });
}
