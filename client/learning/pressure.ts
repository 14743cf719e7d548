/**
 * The circuit breaker between training and the machine it runs on. Scoring always goes first: training pauses while
 * there is pressure, tries again after a while, and waits longer each time the pressure comes back at once.
 */
export type PressureLimits = Readonly<{
  /** Of the client and its training process together. */
  rssBytesMax: number;
  /** How late the client's event loop may be: scoring happens behind it. */
  loopDelayMsMax: number;
  /** First pause; doubles up to the maximum. */
  pauseMs: number;
  pauseMsMax: number;
  /** Pauses in a row for memory, after which the training process is ended: only that gives its memory back. */
  memoryTripsMax: number;
}>;

export const defaultPressureLimits: PressureLimits = {
  rssBytesMax: 700 * 2 ** 20,
  loopDelayMsMax: 250,
  pauseMs: 1_000,
  pauseMsMax: 60_000,
  memoryTripsMax: 5,
};

export type PressureSample = Readonly<{ rssBytes: number; loopDelayMs: number }>;

export type BreakerState = Readonly<
  /** `calmSinceMs`: since when there was no pressure. */
  | { kind: 'running'; calmSinceMs: number; trips: number }
  | { kind: 'paused'; untilMs: number; trips: number; because: 'memory' | 'lag' }
>;

export type BreakerStep = Readonly<{ state: BreakerState; action: 'pause' | 'resume' | 'end' | undefined }>;

export function startBreaker(nowMs: number): BreakerState {
  return { kind: 'running', calmSinceMs: nowMs, trips: 0 };
}

export function stepBreaker(
  state: BreakerState,
  sample: PressureSample,
  nowMs: number,
  limits: PressureLimits,
): BreakerStep {
  const because =
    sample.rssBytes > limits.rssBytesMax ? 'memory' : sample.loopDelayMs > limits.loopDelayMsMax ? 'lag' : undefined;
  if (state.kind === 'running') {
    if (because === undefined) {
      // A long calm forgives earlier trips.
      const forgiven = nowMs - state.calmSinceMs > limits.pauseMsMax;
      return { state: forgiven ? startBreaker(nowMs) : state, action: undefined };
    }
    return { state: pausedFor(state.trips, because, nowMs, limits), action: 'pause' };
  }
  if (nowMs < state.untilMs) return { state, action: undefined };
  if (because !== undefined) {
    const hopeless = because === 'memory' && state.trips >= limits.memoryTripsMax;
    return { state: pausedFor(state.trips, because, nowMs, limits), action: hopeless ? 'end' : undefined };
  }
  return { state: { kind: 'running', calmSinceMs: nowMs, trips: state.trips }, action: 'resume' };
}

function pausedFor(trips: number, because: 'memory' | 'lag', nowMs: number, limits: PressureLimits): BreakerState {
  const untilMs = nowMs + Math.min(limits.pauseMsMax, limits.pauseMs * 2 ** Math.min(trips, 20));
  return { kind: 'paused', untilMs, trips: trips + 1, because };
}
