import { monitorEventLoopDelay } from 'node:perf_hooks';
import { type Result, refuse } from '../../base/fault.ts';
import { Turns } from '../../base/waiting/turns.ts';
import {
  type BreakerState,
  defaultPressureLimits,
  type PressureLimits,
  startBreaker,
  stepBreaker,
} from './pressure.ts';
import type { Trained, TrainingProgress } from './train-locally.ts';
import type { TrainFaultCode, TrainJob } from './train-protocol.ts';
import { TrainingChild } from './training-child.ts';

export type TrainerOptions = Readonly<{
  /** The training process's program: one that calls `serveTraining`. */
  program?: URL;
  limits?: PressureLimits;
  /** How long the training process stays after a job, with TensorFlow loaded, in case another comes. */
  idleMs?: number;
  sampleEveryMs?: number;
  onProgress?: (progress: TrainingProgress & Readonly<{ rssBytes: number }>) => void;
  onBreaker?: (state: BreakerState) => void;
  /** Buffer records that did not open. */
  onUnreadable?: (count: number) => void;
}>;

/** Trains the built-in detectors. */
const builtIn = new URL('./train-process.ts', import.meta.url);

/** Runs training jobs, one at a time, in a low-priority process of its own that it pauses under pressure. */
export class Trainer {
  readonly #options: Required<TrainerOptions>;
  #child: TrainingChild | undefined;
  #idle: NodeJS.Timeout | undefined;
  readonly #turns = new Turns();
  #closed = false;

  constructor(options: TrainerOptions = {}) {
    const nothing = () => undefined;
    this.#options = {
      program: builtIn,
      limits: defaultPressureLimits,
      idleMs: 60_000,
      sampleEveryMs: 200,
      onProgress: nothing,
      onBreaker: nothing,
      onUnreadable: nothing,
      ...options,
    };
  }

  /** Trains; resolves soon after `signal` aborts. A lost training process is a fault, never an exception. */
  run(job: TrainJob, signal: AbortSignal): Promise<Result<Trained, TrainFaultCode>> {
    return this.#turns.take(() => this.#runOne(job, signal));
  }

  /** Ends the training process. May be called twice. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#idle);
    this.#child?.kill();
    await this.#child?.ended;
  }

  async #runOne(job: TrainJob, signal: AbortSignal): Promise<Result<Trained, TrainFaultCode>> {
    if (signal.aborted || this.#closed) return stopped();
    clearTimeout(this.#idle);
    if (this.#child === undefined || this.#child.hasEnded) this.#child = new TrainingChild(this.#options.program);
    const child = this.#child;
    const watch = this.#watchPressure(child);
    let forget: (() => void) | undefined;
    try {
      return await new Promise<Result<Trained, TrainFaultCode>>((resolve) => {
        let isAsked = false;
        const stop = () => {
          if (isAsked) child.tell({ kind: 'stop' });
          else resolve(stopped());
        };
        signal.addEventListener('abort', stop, { once: true });
        const deafen = child.hear((message) => {
          if (message.kind === 'progress') {
            watch.rssBytes = message.rssBytes;
            this.#options.onProgress(message);
          }
          if (message.kind !== 'done') return;
          if (message.unreadable > 0) this.#options.onUnreadable(message.unreadable);
          resolve(message.result);
        });
        forget = () => {
          signal.removeEventListener('abort', stop);
          deafen();
        };
        void child.ended.then((how) =>
          resolve(
            watch.ended
              ? refuse('TRAINING_OUT_OF_MEMORY', 'training never fitted into training.rssMiBMax; raise it')
              : refuse('TRAINING_CRASHED', `the training process ended (${how})`),
          ),
        );
        void child.ready.then(() => {
          if (signal.aborted) return;
          isAsked = true;
          child.tell({ kind: 'train', job });
        });
      });
    } finally {
      forget?.();
      watch.end();
      if (!this.#closed) {
        this.#idle = setTimeout(() => this.#retire(), this.#options.idleMs);
        this.#idle.unref();
      }
    }
  }

  #retire(): void {
    const child = this.#child;
    this.#child = undefined;
    child?.letGo();
  }

  #watchPressure(child: TrainingChild): { rssBytes: number; ended: boolean; end(): void } {
    const delay = monitorEventLoopDelay({ resolution: 10 });
    delay.enable();
    let state = startBreaker(performance.now());
    const watch: { rssBytes: number; ended: boolean; end(): void } = {
      rssBytes: 0,
      ended: false,
      end: () => undefined,
    };
    const timer = setInterval(() => {
      const sample = { rssBytes: process.memoryUsage.rss() + watch.rssBytes, loopDelayMs: delay.max / 1e6 };
      delay.reset();
      const next = stepBreaker(state, sample, performance.now(), this.#options.limits);
      state = next.state;
      if (next.action === undefined) return;
      this.#options.onBreaker(state);
      if (next.action === 'end') {
        watch.ended = true;
        child.kill();
        return;
      }
      child.tell({ kind: next.action });
    }, this.#options.sampleEveryMs);
    watch.end = () => {
      clearInterval(timer);
      delay.disable();
    };
    return watch;
  }
}

function stopped() {
  return refuse('TRAINING_STOPPED', 'stopped before it began');
}
