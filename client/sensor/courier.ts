import { type Backoff, fullJitterMs } from '../../base/backoff.ts';
import type { Fault, Result } from '../../base/fault.ts';
import { pause } from '../../base/pause.ts';
import type { Timers } from '../../base/time.ts';
import {
  DeliverRequest,
  type DeliverResponse,
  type ScoreSketch,
  type SensorStatus,
} from '../../proto/generated/testudo/v1/sensors.ts';
import { messageBytesMax } from '../../proto/wire-names.ts';
import type { Spool, SpoolRecord } from './spool.ts';

export type CourierPorts = Readonly<{
  spool: Spool;
  deliver(request: DeliverRequest, signal: AbortSignal): Promise<Result<DeliverResponse, string>>;
  /** The hub does not take the certificate. */
  distrusted(): void;
  status(): SensorStatus;
  sketches(): readonly ScoreSketch[];
  onAnswer(answer: DeliverResponse): void;
  onDelivered(bytes: number): void;
  onFailed(fault: Fault, retryInMs: number): void;
  /** The hub will never take this record. */
  onRefused(fault: Fault, record: SpoolRecord): void;
  retryMsMax: number;
  timers: Timers;
  unit(): number;
}>;

/** A sensor that has nothing to tell says so this often, with its sketches. */
const heartbeatMs = 10_000;

/** What no later attempt can mend: the record is given up, the ones behind it are not held up. */
const hopeless: ReadonlySet<string> = new Set(['REQUEST_INVALID', 'TRACK_NOT_FOUND', 'MESSAGE_MALFORMED']);
const distrusting: ReadonlySet<string> = new Set(['CERTIFICATE_MISSING', 'GRPC_UNAUTHENTICATED', 'TOKEN_UNKNOWN']);

const empty: Omit<DeliverRequest, 'batch' | 'status'> = {
  alerts: [],
  examples: [],
  sketches: [],
  flows: [],
  levelsVersion: 0n,
};

/** Tells the hub what waits in the spool, one record at a time, until it is stopped. Nothing else waits for it. */
export class Courier {
  readonly #ports: CourierPorts;
  readonly #stopping = new AbortController();
  readonly #start: string;
  #wake: () => void = () => undefined;
  #woken = false;
  #beats = 0;
  #levelsVersion = 0n;
  #connected = false;
  #running: Promise<void> = Promise.resolve();

  constructor(ports: CourierPorts) {
    this.#ports = ports;
    this.#start = String(ports.timers.now());
  }

  get connected(): boolean {
    return this.#connected;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** There is something to tell. */
  wake(): void {
    this.#woken = true;
    this.#wake();
  }

  /** Tells what waits, as long as the hub takes it and `drainMs` have not passed; what is left stays in the spool. */
  async close(drainMs = 0): Promise<void> {
    const { timers, spool } = this.#ports;
    const untilMs = timers.monotonicMs() + drainMs;
    this.wake();
    while (this.#connected && spool.next() !== undefined && timers.monotonicMs() < untilMs) {
      await pause(timers, 20, this.#stopping.signal);
    }
    this.#stopping.abort();
    this.#wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const { retryMsMax } = this.#ports;
    const retry: Backoff = { firstMs: Math.min(500, retryMsMax), maxMs: retryMsMax };
    for (let attempt = 0, beatAtMs = 0; !signal.aborted; ) {
      const { spool, timers } = this.#ports;
      const record = spool.next();
      const nowMs = timers.monotonicMs();
      const beats = nowMs >= beatAtMs;
      if (record === undefined && !beats) {
        await this.#sleep(beatAtMs - nowMs);
        continue;
      }
      const failed = await this.#tell(record, beats).catch(spoolFault);
      if (signal.aborted) return;
      if (failed === undefined) {
        attempt = 0;
        if (beats) beatAtMs = timers.monotonicMs() + heartbeatMs;
        continue;
      }
      const retryInMs = fullJitterMs(retry, attempt, this.#ports.unit());
      attempt += 1;
      this.#ports.onFailed(failed, retryInMs);
      await pause(timers, retryInMs, signal);
    }
  }

  /** The fault for which it is to be tried again. */
  async #tell(record: SpoolRecord | undefined, beats: boolean): Promise<Fault | undefined> {
    const { spool, deliver, status, sketches } = this.#ports;
    let said = empty;
    if (record !== undefined) {
      const payload = await spool.read(record);
      if (payload === undefined) {
        await spool.remove(record);
        return undefined;
      }
      said = DeliverRequest.decode(payload);
    }
    const request: DeliverRequest = {
      ...said,
      batch: record?.name ?? `${this.#start}-${this.#beats++}`,
      status: status(),
      sketches: beats ? [...sketches()] : [],
      levelsVersion: this.#levelsVersion,
    };
    const bytes = DeliverRequest.encode(request).finish().length;
    const answer = await deliver(request, this.#stopping.signal);
    this.#connected = answer.ok;
    if (answer.ok) {
      if (record !== undefined) await spool.remove(record);
      const { levels } = answer.value;
      if (levels !== undefined) this.#levelsVersion = levels.version;
      this.#ports.onDelivered(bytes);
      this.#ports.onAnswer(answer.value);
      return undefined;
    }
    const { fault } = answer;
    if (distrusting.has(fault.code)) this.#ports.distrusted();
    if (record === undefined || !isHopeless(fault, bytes)) return fault;
    await spool.remove(record);
    this.#ports.onRefused(fault, record);
    return undefined;
  }

  async #sleep(milliseconds: number): Promise<void> {
    if (this.#woken) {
      this.#woken = false;
      return;
    }
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    const ending = new AbortController();
    await Promise.race([woken, pause(this.#ports.timers, milliseconds, ending.signal)]);
    ending.abort();
    this.#woken = false;
  }
}

/** A disk that cannot be read, or on which nothing can be deleted, for now. */
function spoolFault(error: unknown): Fault {
  const { code, message } = error as NodeJS.ErrnoException;
  return { code: 'SPOOL_UNREADABLE', message: `the spool's disk fails (${code ?? message})` };
}

/** gRPC says the same of a request that is too long, of an answer that is, and of a hub that has no memory just now. */
function isHopeless({ code }: Fault, requestBytes: number): boolean {
  return hopeless.has(code) || (code === 'GRPC_RESOURCE_EXHAUSTED' && requestBytes > messageBytesMax);
}
