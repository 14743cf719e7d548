import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
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
import type { FromTrainer, ToTrainer, TrainFaultCode, TrainJob } from './train-protocol.ts';

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
  #child: ChildProcess | undefined;
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
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  async #runOne(job: TrainJob, signal: AbortSignal): Promise<Result<Trained, TrainFaultCode>> {
    if (signal.aborted || this.#closed) return refuse('TRAINING_STOPPED', 'stopped before it began');
    clearTimeout(this.#idle);
    const child = await this.#ready();
    const watch = this.#watchPressure(child);
    const stop = () => child.send({ kind: 'stop' } satisfies ToTrainer);
    signal.addEventListener('abort', stop, { once: true });
    try {
      return await new Promise<Result<Trained, TrainFaultCode>>((resolve) => {
        const lost = (code: number | null, cause: string | null) => {
          this.#child = undefined;
          resolve(
            watch.ended
              ? refuse('TRAINING_OUT_OF_MEMORY', 'training never fitted into training.rssMiBMax; raise it')
              : refuse('TRAINING_CRASHED', `the training process ended (${cause ?? `exit ${code}`})`),
          );
        };
        child.once('exit', lost);
        const receive = (message: FromTrainer) => {
          if (message.kind === 'progress') {
            watch.rssBytes = message.rssBytes;
            this.#options.onProgress(message);
          }
          if (message.kind !== 'done') return;
          child.off('message', receive);
          child.off('exit', lost);
          if (message.unreadable > 0) this.#options.onUnreadable(message.unreadable);
          resolve(message.result);
        };
        child.on('message', receive);
        child.send({ kind: 'train', job } satisfies ToTrainer);
      });
    } finally {
      signal.removeEventListener('abort', stop);
      watch.end();
      if (!this.#closed) {
        this.#idle = setTimeout(() => this.#retire(), this.#options.idleMs);
        this.#idle.unref();
      }
    }
  }

  async #ready(): Promise<ChildProcess> {
    if (this.#child !== undefined) return this.#child;
    const child = fork(fileURLToPath(this.#options.program), [], {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      // The debugger's and the test runner's flags are not for it.
      execArgv: process.execArgv.filter((flag) => !flag.startsWith('--inspect')),
    });
    this.#child = child;
    await Promise.race([once(child, 'message'), once(child, 'exit')]);
    return child;
  }

  #retire(): void {
    const child = this.#child;
    this.#child = undefined;
    child?.disconnect();
  }

  #watchPressure(child: ChildProcess): { rssBytes: number; ended: boolean; end(): void } {
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
        child.kill('SIGKILL');
        return;
      }
      if (child.connected) child.send({ kind: next.action } satisfies ToTrainer);
    }, this.#options.sampleEveryMs);
    watch.end = () => {
      clearInterval(timer);
      delay.disable();
    };
    return watch;
  }
}
