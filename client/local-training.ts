import { ok, type Result, refuse } from '../base/fault.ts';
import type { Timer, Timers } from '../base/time.ts';
import type { TrackId } from '../proto/ids.ts';
import type { ClientConfig } from './config.ts';
import type { LocalTrack } from './learning/local-track.ts';
import type { Trainer } from './learning/trainer.ts';
import type { ClientMetrics } from './observability/metrics.ts';
import type { Invitation } from './rounds/invitation.ts';
import type { LocalTrainingFaultCode, TrainedDelta, UplinkPorts } from './rounds/ports.ts';

export type LocalTrainingParts = Readonly<{
  config: ClientConfig;
  dataKey: Uint8Array;
  trainer: Trainer;
  tracks: ReadonlyMap<TrackId, LocalTrack>;
  metrics: ClientMetrics;
  /** Resolves once the sources that end were read to their end. */
  primed: Promise<void>;
  timers: Timers;
  transformDelta: ((delta: Float32Array, invitation: Invitation) => Float32Array) | undefined;
}>;

/** Answers an invitation: is there privacy left, are there examples, train, book the cost. */
export function localTraining(parts: LocalTrainingParts): UplinkPorts['train'] {
  const { config, trainer, metrics } = parts;
  return async (invitation, paths, signal): Promise<Result<TrainedDelta, LocalTrainingFaultCode>> => {
    const { track, plan, spec } = invitation;
    const local = parts.tracks.get(track);
    if (local === undefined) return refuse('TRACK_NOT_RUN', `this cluster does not run the track ${track}`);
    const { ledger, kindModule, bufferPath } = local;
    const { perStep } = config.privacy;
    const atLeast = perStep === null ? undefined : { noiseMultiplier: perStep.noiseMultiplier, sampling: 1, steps: 0 };
    const allowed = ledger.check(plan.noiseMultiplier, atLeast);
    if (!allowed.ok) return allowed;
    await settled(parts.timers, parts.primed, config.training.firstExamplesSecondsMax * 1_000, signal);
    const end = metrics.trainingSeconds.startTimer({ track });
    const trained = await trainer.run(
      {
        kindModule,
        spec,
        basePath: paths.base,
        samplePath: paths.sample,
        bufferPath,
        bufferSizes: config.buffer,
        dataKey: parts.dataKey,
        plan,
        classes: invitation.approvedClasses,
        gradientClipNorm: config.training.gradientClipNorm,
        hardRepeats: config.training.hardRepeats,
        perStep: perStep ?? undefined,
        coresMax: config.training.coresMax,
      },
      signal,
    );
    if (!trained.ok) return trained;
    end();
    metrics.trainingSteps.inc({ track }, trained.value.steps);
    // How many examples there were, and so what the steps cost, is known only now. Nothing has left yet.
    const stillAllowed = ledger.check(plan.noiseMultiplier, trained.value.perStep);
    if (!stillAllowed.ok) return stillAllowed;
    // Booked before anything leaves: a crash in between counts a round that was never sent, not the other way round.
    await ledger.spend(plan.noiseMultiplier, trained.value.perStep);
    metrics.privacyEpsilon.set({ track }, ledger.epsilon);
    metrics.privacyExampleEpsilon.set({ track }, ledger.exampleEpsilon);
    const { delta, exampleCount, classes } = trained.value;
    const sent = parts.transformDelta?.(delta, invitation) ?? delta;
    return ok({ delta: sent, exampleCount, ...(classes && { classes }) });
  };
}

/** Waits for the promise, the time or the abort, whichever comes first. */
async function settled(
  timers: Timers,
  promise: Promise<void>,
  milliseconds: number,
  signal: AbortSignal,
): Promise<void> {
  let timer: Timer | undefined;
  let abort: () => void = () => undefined;
  const early = new Promise<void>((resolve) => {
    timer = timers.after(milliseconds, resolve);
    abort = resolve;
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) resolve();
  });
  await Promise.race([promise, early]);
  timers.cancel(timer);
  signal.removeEventListener('abort', abort);
}
