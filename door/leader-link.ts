import { type ClientDuplexStream, Metadata } from '@grpc/grpc-js';
import { type Backoff, fullJitterMs } from '../base/backoff.ts';
import { type Fault, type Result, refuse } from '../base/fault.ts';
import type { Log } from '../base/log.ts';
import { pause } from '../base/pause.ts';
import type { Timers } from '../base/time.ts';
import { channelCredentials, channelOptions } from '../client/link/channel.ts';
import { neverByProxy } from '../proto/by-proxy.ts';
import { deadlineIn, faultOfError, unary } from '../proto/call.ts';
import {
  type AcceptRequest,
  type AcceptResponse,
  type AttendRequest,
  type AttendResponse,
  DoorsClient,
  type HandOnRequest,
  type HandOnResponse,
  type NoteRequest,
  type NoteResponse,
  type RenewDoorResponse,
} from '../proto/generated/testudo/v1/doors.ts';
import { coordinatorServerName } from '../proto/wire-names.ts';
import type { Attendance } from './attendance.ts';
import type { DoorCredentials } from './credentials.ts';

const callMs = 30_000;
/** The leader gives a sign of life every five seconds; one that is stopped takes connections, and says nothing. */
const silentMs = 15_000;
const reconnect: Backoff = { firstMs: 250, maxMs: 2_000 };

/** The first word, at once: a stream whose first message does not come is cut as a slow request, and nobody may come for hours. */
const nobodyLeft: AttendRequest = { change: { $case: 'departure', value: 0n } };

type LinkParts = Readonly<{ credentials: () => DoorCredentials; attendance: Attendance; timers: Timers; log: Log }>;
type Stream = ClientDuplexStream<AttendRequest, AttendResponse>;
type Answer<Value> = Promise<Result<Value, 'LEADER_AWAY'>>;

/**
 * The way to the coordinator that leads, whichever of the addresses it has. What was asked and had no answer may have been done or
 * not: it is LEADER_AWAY, and never taken for either.
 */
export class LeaderLink {
  readonly #parts: LinkParts;
  readonly #closing = new AbortController();
  #client: DoorsClient | undefined;
  #again = new AbortController();
  #running: Promise<void> | undefined;
  #away: Fault | undefined = refuse('LEADER_AWAY', 'no coordinator has been reached yet').fault;

  constructor(parts: LinkParts) {
    this.#parts = parts;
  }

  /** Why no coordinator is reached; undefined while one is. */
  get away(): Fault | undefined {
    return this.#away;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Lets go of who was reached, to look who leads: another does, or this door has another certificate. */
  lookAgain(): void {
    this.#again.abort();
  }

  accept(request: AcceptRequest): Answer<AcceptResponse> {
    return this.#ask((client, ...rest) => client.accept(request, ...rest));
  }

  handOn(request: HandOnRequest): Answer<HandOnResponse> {
    return this.#ask((client, ...rest) => client.handOn(request, ...rest));
  }

  note(request: NoteRequest): Answer<NoteResponse> {
    return this.#ask((client, ...rest) => client.note(request, ...rest));
  }

  renewDoor(certificateRequest: Buffer): Answer<RenewDoorResponse> {
    return this.#ask((client, ...rest) => client.renewDoor({ certificateRequest }, ...rest));
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#again.abort();
    await this.#running;
  }

  async #ask<Response>(
    start: (
      client: DoorsClient,
      metadata: Metadata,
      options: Readonly<{ deadline: number | Date }>,
      callback: Parameters<Parameters<typeof unary<Response>>[0]>[0],
    ) => ReturnType<Parameters<typeof unary<Response>>[0]>,
  ): Answer<Response> {
    const client = this.#client;
    if (client === undefined) return away(this.#away);
    const answered = await unary<Response>((callback) =>
      start(client, new Metadata(), { deadline: deadlineIn(callMs) }, callback),
    );
    return answered.ok ? answered : away(answered.fault);
  }

  async #run(): Promise<void> {
    const { timers, log } = this.#parts;
    const told = new Set<string>();
    for (let turn = 0, failed = 0; !this.#closing.signal.aborted; ) {
      const { addresses } = this.#parts.credentials();
      const address = addresses[turn % addresses.length] as string;
      this.#again = new AbortController();
      const { isReached, why } = await this.#stay(address, this.#again.signal);
      this.#away = why;
      failed = isReached ? 0 : failed + 1;
      turn += 1;
      if (isReached) told.clear();
      if (this.#closing.signal.aborted) return;
      const about = { address, code: why.code, cause: why.message };
      if (isReached) log.warn(about, 'the coordinator is away');
      // A standby that does not answer is none of anybody's business, unless nobody else does.
      else if (failed >= addresses.length && !told.has(`${address} ${why.code}`)) {
        told.add(`${address} ${why.code}`);
        log.warn(about, 'no coordinator leads here, nor at any other address of this door');
      }
      const waitMs = fullJitterMs(reconnect, Math.floor(failed / addresses.length), Math.random());
      await pause(timers, waitMs, this.#closing.signal);
    }
  }

  /** Attends at one address until that ends; whether anybody leads there. */
  async #stay(address: string, again: AbortSignal): Promise<Readonly<{ isReached: boolean; why: Fault }>> {
    const { attendance, timers, log } = this.#parts;
    const { authority: ca, certificateChain: cert, key } = this.#parts.credentials();
    const client = new DoorsClient(address, channelCredentials({ ca, cert, key }), {
      ...channelOptions(coordinatorServerName),
      ...neverByProxy,
    });
    const stream = client.attend();
    stream.write(nobodyLeft);
    let isReached = false;
    let why = refuse('LEADER_AWAY', `${address} does not answer`).fault as Fault;
    const cancel = () => stream.cancel();
    let isSilent = false;
    const giveUp = () => {
      isSilent = true;
      cancel();
    };
    let silence = timers.after(silentMs, giveUp);
    again.addEventListener('abort', cancel, { once: true });
    stream.on('data', (message: AttendResponse) => {
      timers.cancel(silence);
      silence = timers.after(silentMs, giveUp);
      if (!isReached) {
        isReached = true;
        this.#client = client;
        this.#away = undefined;
        log.info({ address, watches: attendance.size }, 'a coordinator leads here');
        attendance.lineTo(lineOver(stream));
      }
      attendance.hear(message);
    });
    stream.on('error', (error) => {
      why = isSilent
        ? refuse('LEADER_AWAY', `${address} has said nothing for ${silentMs / 1000} s`).fault
        : faultOfError(error);
    });
    const ended = new Promise<void>((resolve) => stream.once('status', () => resolve()));
    if (again.aborted) cancel();
    await ended;
    timers.cancel(silence);
    again.removeEventListener('abort', cancel);
    if (this.#client === client) this.#client = undefined;
    attendance.lineTo(undefined);
    client.close();
    return { isReached, why };
  }
}

/** What is said is kept in order by the stream; ten thousand arrivals after a takeover are some megabytes. */
function lineOver(stream: Stream) {
  return {
    say: (change: AttendRequest) => {
      if (!stream.destroyed && stream.writable) stream.write(change);
    },
  };
}

function away(why: Fault | undefined) {
  return refuse(
    'LEADER_AWAY',
    `the coordinator gave no answer (${why?.code ?? 'none'}: ${why?.message ?? ''}): ask again`,
  );
}
