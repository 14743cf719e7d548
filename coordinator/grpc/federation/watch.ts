import { ok, type Result, refuse } from '../../../base/fault.ts';
import type { EpochMs, Timers } from '../../../base/time.ts';
import { RoundOutcome, type WatchRequest, type WatchResponse } from '../../../proto/generated/testudo/v1/federation.ts';
import { type ClusterId, isTrackId, type TrackId } from '../../../proto/ids.ts';
import { specBytes } from '../../../proto/model-spec.ts';
import { cutShort } from '../../access/access-control.ts';
import type { ConcurrencyLimit } from '../../access/concurrency-limit.ts';
import type { CutFaultCode } from '../../access/faults.ts';
import type { Directive } from '../../rounds/directives.ts';
import type { Engine } from '../../rounds/engine.ts';
import type { Send } from '../door.ts';

const tracksMax = 16;
const buildPattern = /^[\x20-\x7e]{0,64}$/;
/** Directives that a slow reader may owe: it reconnects and is told what is open. */
const queuedMax = 256;

const outcomes = {
  aggregating: RoundOutcome.ROUND_OUTCOME_AGGREGATING,
  candidate: RoundOutcome.ROUND_OUTCOME_CANDIDATE,
  abandoned: RoundOutcome.ROUND_OUTCOME_ABANDONED,
} as const;

/** Watch streams: at most one for each cluster and track, and a bounded number of one cluster and of all. */
export class Watchers {
  readonly #engine: Pick<Engine, 'join'>;
  readonly #limit: ConcurrencyLimit<'WATCHES_BUSY'>;
  readonly #heartbeatMs: number;
  readonly #timers: Timers;
  readonly #replace = new Map<string, () => void>();

  constructor(
    engine: Pick<Engine, 'join'>,
    limit: ConcurrencyLimit<'WATCHES_BUSY'>,
    heartbeatMs: number,
    timers: Timers,
  ) {
    this.#engine = engine;
    this.#limit = limit;
    this.#heartbeatMs = heartbeatMs;
    this.#timers = timers;
  }

  /** Serves one stream until it is cut. */
  async watch(
    cluster: ClusterId,
    { tracks: wanted, clientBuild }: WatchRequest,
    send: Send<WatchResponse>,
    signal: AbortSignal,
  ): Promise<Result<void, CutFaultCode | 'REQUEST_INVALID' | 'WATCHES_BUSY' | 'PEER_TOO_SLOW' | 'STREAM_REPLACED'>> {
    const tracks = [...new Set(wanted)].filter(isTrackId);
    if (tracks.length !== wanted.length || tracks.length === 0 || tracks.length > tracksMax) {
      return refuse('REQUEST_INVALID', `tracks must be 1 to ${tracksMax} different track ids`);
    }
    if (!buildPattern.test(clientBuild)) {
      return refuse('REQUEST_INVALID', 'client_build must be at most 64 printable ASCII characters');
    }
    const entered = await this.#limit.enter(cluster, signal);
    if (!entered.ok) return signal.aborted ? cutShort(signal) : entered;
    try {
      return await this.#watch(cluster, tracks, send, signal);
    } finally {
      entered.value();
    }
  }

  async #watch(
    cluster: ClusterId,
    tracks: readonly TrackId[],
    send: Send<WatchResponse>,
    signal: AbortSignal,
  ): Promise<Result<void, CutFaultCode | 'PEER_TOO_SLOW' | 'STREAM_REPLACED'>> {
    let replaced = false;
    let wake = () => {};
    const replace = () => {
      replaced = true;
      wake();
    };
    const keys = tracks.map((track) => `${cluster}/${track}`);
    for (const key of keys) {
      this.#replace.get(key)?.();
      this.#replace.set(key, replace);
    }
    const queue: Directive[] = [];
    const membership = this.#engine.join(cluster, tracks, (directive) => {
      queue.push(directive);
      wake();
    });
    queue.unshift(...membership.current);
    signal.addEventListener('abort', () => wake());
    try {
      let alive = await send(heartbeat(this.#timers.now()));
      while (alive && !signal.aborted && !replaced) {
        if (queue.length > queuedMax) return refuse('PEER_TOO_SLOW', `the stream owes ${queue.length} directives`);
        const directive = queue.shift();
        if (directive !== undefined) {
          alive = await send(toResponse(directive));
          continue;
        }
        const due = await new Promise<boolean>((resolve) => {
          const timer = this.#timers.after(this.#heartbeatMs, () => resolve(true));
          wake = () => {
            this.#timers.cancel(timer);
            resolve(false);
          };
          if (queue.length > 0 || signal.aborted || replaced) wake();
        });
        if (due) alive = await send(heartbeat(this.#timers.now()));
      }
      if (replaced) return refuse('STREAM_REPLACED', `a newer stream of ${cluster} watches the same track`);
      return signal.aborted ? cutShort(signal) : ok(undefined);
    } finally {
      membership.leave();
      for (const key of keys) if (this.#replace.get(key) === replace) this.#replace.delete(key);
    }
  }
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
      },
    },
  };
}
