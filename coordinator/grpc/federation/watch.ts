import { type Fault, type Result, refuse } from '../../../base/fault.ts';
import type { EpochMs, Timers } from '../../../base/time.ts';
import { RoundOutcome, type WatchRequest, type WatchResponse } from '../../../proto/generated/testudo/v1/federation.ts';
import { type ClusterId, isTrackId, type TrackId } from '../../../proto/ids.ts';
import { specBytes } from '../../../proto/model-spec.ts';
import { type Call, cutShort, noLongerRead } from '../../access/access-control.ts';
import type { ConcurrencyLimit } from '../../access/concurrency-limit.ts';
import type { CutFaultCode } from '../../access/faults.ts';
import type { Directive } from '../../rounds/directives.ts';
import type { Engine } from '../../rounds/engine.ts';
import type { Joined } from '../../rounds/presence.ts';
import type { Send } from '../door.ts';

const tracksMax = 16;
/** TLS says whose invitation it is, where no door is between. */
const noSignature = Buffer.alloc(0);
const buildPattern = /^[\x20-\x7e]{0,64}$/;
/** Directives that a slow reader may owe: it reconnects and is told what is open. */
const queuedMax = 256;

const outcomes = {
  aggregating: RoundOutcome.ROUND_OUTCOME_AGGREGATING,
  candidate: RoundOutcome.ROUND_OUTCOME_CANDIDATE,
  abandoned: RoundOutcome.ROUND_OUTCOME_ABANDONED,
} as const;

/** Who watches for what; `call` says how it was let in. */
export type Watch = Readonly<{
  cluster: ClusterId;
  tracks: readonly TrackId[];
  request: WatchRequest;
  call: WatchCall;
}>;
type WatchCall = Pick<Call<'cluster'>, 'signal'> & Partial<Pick<Call<'cluster'>, 'certificate' | 'address'>>;

/** Where directives come from, and what they are on the wire. */
export type WatchSource<Told, Message> = Readonly<{
  /** `end`: the stream is over for a cause of the source's own. */
  join(watch: Watch, tell: (told: Told) => void, end: (why: Fault<EndFaultCode>) => void): Joined<Told>;
  messageOf(told: Told): Message;
  heartbeat(nowMs: EpochMs): Message;
}>;

export type EndFaultCode = CutFaultCode | 'REQUEST_INVALID' | 'WATCHES_BUSY' | 'PEER_TOO_SLOW' | 'STREAM_REPLACED';
type WatchersParts<Told, Message> = Readonly<{
  source: WatchSource<Told, Message>;
  limit: ConcurrencyLimit<'WATCHES_BUSY'>;
  heartbeatMs: number;
  timers: Timers;
}>;

/** Watch streams: at most one for each cluster and track, and a bounded number of one cluster and of all. */
export class Watchers<Told = Directive, Message = WatchResponse> {
  readonly #parts: WatchersParts<Told, Message>;
  readonly #replace = new Map<string, () => void>();

  constructor(parts: WatchersParts<Told, Message>) {
    this.#parts = parts;
  }

  /** Serves one stream until it is cut. */
  async watch(
    cluster: ClusterId,
    request: WatchRequest,
    send: Send<Message>,
    call: WatchCall,
  ): Promise<Result<void, EndFaultCode>> {
    const { tracks: wanted, clientBuild } = request;
    const { signal } = call;
    const tracks = [...new Set(wanted)].filter(isTrackId);
    if (tracks.length !== wanted.length || tracks.length === 0 || tracks.length > tracksMax) {
      return refuse('REQUEST_INVALID', `tracks must be 1 to ${tracksMax} different track ids`);
    }
    if (!buildPattern.test(clientBuild)) {
      return refuse('REQUEST_INVALID', 'client_build must be at most 64 printable ASCII characters');
    }
    const entered = await this.#parts.limit.enter(cluster, signal);
    if (!entered.ok) return signal.aborted ? cutShort(signal) : entered;
    try {
      return await this.#watch({ cluster, tracks, request, call }, send);
    } finally {
      entered.value();
    }
  }

  async #watch(watch: Watch, send: Send<Message>): Promise<Result<void, EndFaultCode>> {
    const { source, heartbeatMs, timers } = this.#parts;
    const { cluster, tracks, call } = watch;
    const { signal } = call;
    let ended: Fault<EndFaultCode> | undefined;
    let wake = () => {};
    const end = (why: Fault<EndFaultCode>) => {
      ended ??= why;
      wake();
    };
    const replace = () => end(refuse('STREAM_REPLACED', `a newer stream of ${cluster} watches the same track`).fault);
    const keys = tracks.map((track) => `${cluster}/${track}`);
    for (const key of keys) {
      this.#replace.get(key)?.();
      this.#replace.set(key, replace);
    }
    const queue: Told[] = [];
    const tell = (told: Told) => {
      queue.push(told);
      wake();
    };
    const membership = source.join(watch, tell, end);
    queue.unshift(...membership.current);
    signal.addEventListener('abort', () => wake());
    try {
      let alive = await send(source.heartbeat(timers.now()));
      while (alive && !signal.aborted && ended === undefined) {
        if (queue.length > queuedMax) return refuse('PEER_TOO_SLOW', `the stream owes ${queue.length} directives`);
        const told = queue.shift();
        if (told !== undefined) {
          alive = await send(source.messageOf(told));
          continue;
        }
        const due = await new Promise<boolean>((resolve) => {
          const timer = timers.after(heartbeatMs, () => resolve(true));
          wake = () => {
            timers.cancel(timer);
            resolve(false);
          };
          if (queue.length > 0 || signal.aborted || ended !== undefined) wake();
        });
        if (due) alive = await send(source.heartbeat(timers.now()));
      }
      if (ended !== undefined) return { ok: false, fault: ended };
      return noLongerRead(signal);
    } finally {
      membership.leave();
      for (const key of keys) if (this.#replace.get(key) === replace) this.#replace.delete(key);
    }
  }
}

/** Directives of the engine itself. */
export function watchSourceOf(engine: Pick<Engine, 'join'>): WatchSource<Directive, WatchResponse> {
  return {
    join: ({ cluster, tracks, request }, tell) => engine.join(cluster, tracks, tell, request.clientBuild),
    messageOf: toResponse,
    heartbeat,
  };
}

function heartbeat(nowMs: EpochMs): WatchResponse {
  return { directive: { $case: 'heartbeat', value: { nowMs: BigInt(nowMs) } } };
}

/** The engine's directive as the message that carries it. */
function toResponse(directive: Directive): WatchResponse {
  if (directive.kind === 'closed') {
    const { track, round, outcome, nextRound } = directive;
    const value = { track, round, outcome: outcomes[outcome], nextRound: nextRound ?? '' };
    return { directive: { $case: 'closed', value } };
  }
  const {
    federation,
    track,
    round,
    base,
    modelBytes,
    spec,
    schemaDigest,
    roundKey,
    closesAtMs,
    training,
    seed,
    approvedClasses,
    sample,
  } = directive;
  return {
    directive: {
      $case: 'invitation',
      value: {
        federation,
        track,
        round,
        base: {
          track,
          version: BigInt(base.version),
          digest: base.digest,
          schemaDigest,
          sizeBytes: BigInt(modelBytes),
        },
        spec: { canonicalJson: specBytes(spec), schemaDigest },
        roundKey: Buffer.from(roundKey, 'base64'),
        closesAtMs: BigInt(closesAtMs),
        plan: {
          ...training,
          seed: BigInt(seed),
          sampleMix: sample?.mix ?? 0,
          sampleDigest: sample?.digest ?? '',
          sampleBytes: BigInt(sample?.bytes ?? 0),
        },
        approvedClasses: [...approvedClasses],
        signature: noSignature,
      },
    },
  };
}
