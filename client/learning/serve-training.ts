import { readFile } from 'node:fs/promises';
import { constants, setPriority } from 'node:os';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { findNonFinite, layoutOf, valuesOfBytes } from '../../proto/layout.ts';
import type { TrackKind } from '../tracks/track-kind.ts';
import { importTrackKind } from '../tracks/track-kinds.ts';
import { secretUnits } from './delta.ts';
import { DutyCycle } from './duty-cycle.ts';
import { ExampleBuffer } from './example-buffer.ts';
import { type Trained, trainLocally } from './train-locally.ts';
import type { FromTrainer, ToTrainer, TrainFaultCode, TrainJob } from './train-protocol.ts';

const progressEveryMs = 250;

/**
 * Makes this process one in which a client trains: lowest priority, one job at a time, told what to do by `trainer.ts`
 * over the process's private channel. A process and not a thread, so that the system can share the CPU out by priority,
 * memory goes back at its end, and a crash in native code leaves the detectors running. It loads what the job's kind of
 * track needs, and no more: a kind without TensorFlow trains without it.
 */
export function serveTraining(): void {
  setPriority(constants.priority.PRIORITY_LOW);
  const gate = new Gate();
  process.on('message', (message: ToTrainer) => {
    switch (message.kind) {
      case 'train':
        gate.reset();
        run(message.job, gate).then(
          (done) => send({ kind: 'done', ...done }),
          (error: Error) => {
            const { fault } = refuse('TRAINING_CRASHED', `${error.name}: ${error.message}`.slice(0, 300));
            send({ kind: 'done', result: { ok: false, fault }, unreadable: 0 });
          },
        );
        return;
      case 'pause':
        gate.close();
        return;
      case 'resume':
        gate.open();
        return;
      case 'stop':
        gate.stop();
        return;
    }
  });
  // The client went away: nobody is left to train for.
  process.on('disconnect', () => process.exit(0));
  send({ kind: 'ready' });
}

/** Between two steps: open, closed for a while, or the end. */
class Gate {
  #passable: Promise<void> = Promise.resolve();
  #open: () => void = () => undefined;
  #stopped = false;

  reset(): void {
    this.#stopped = false;
    this.open();
  }

  close(): void {
    this.#open();
    this.#passable = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  open(): void {
    this.#open();
  }

  stop(): void {
    this.#stopped = true;
    this.#open();
  }

  /** Waits while closed; false after the end. */
  async pass(): Promise<boolean> {
    await this.#passable;
    return !this.#stopped;
  }
}

async function run(
  job: TrainJob,
  gate: Gate,
): Promise<{ result: Result<Trained, TrainFaultCode>; unreadable: number }> {
  const kind = await importTrackKind(job.kindModule);
  const base = valuesOfBytes(layoutOf(job.spec), await readFile(job.basePath));
  if (!base.ok) return { result: base, unreadable: 0 };
  const broken = findNonFinite(layoutOf(job.spec), base.value);
  if (broken !== undefined) return { result: refuse('MODEL_UNUSABLE', broken.message), unreadable: 0 };
  const buffer = ExampleBuffer.open(job.bufferPath, job.dataKey, kind.examples, job.bufferSizes);
  if (!buffer.ok) return { result: buffer, unreadable: 0 };
  const normal = buffer.value.read(['reservoir', 'recent']);
  const hard = buffer.value.read(['hard']);
  buffer.value.close();
  const sample = await readMixed(kind, job);
  if (!sample.ok) return { result: sample, unreadable: 0 };
  const duty = new DutyCycle(job.coresMax);
  let reportedMs = 0;
  const result = await trainLocally({
    ...job,
    base: base.value,
    examples: normal.examples,
    hard: hard.examples,
    sample: sample.value,
    kind,
    unit: secretUnits(),
    mayGoOn: async (progress) => {
      const nowMs = performance.now();
      if (nowMs - reportedMs > progressEveryMs) {
        reportedMs = nowMs;
        send({ kind: 'progress', ...progress, rssBytes: process.memoryUsage.rss() });
      }
      // Lets messages in even when there is nothing to wait for.
      await duty.rest();
      return await gate.pass();
    },
  });
  return { result, unreadable: normal.unreadable + hard.unreadable };
}

/** Normal examples of the trusted sample that the plan mixes in; none where it mixes none. */
async function readMixed(
  kind: TrackKind,
  { samplePath }: TrainJob,
): Promise<Result<readonly unknown[], 'SAMPLE_UNREADABLE'>> {
  if (samplePath === undefined) return ok([]);
  if (kind.samples === undefined) return refuse('SAMPLE_UNREADABLE', 'this kind of track reads no trusted samples');
  const read = await kind.samples.read(await readFile(samplePath));
  return read.ok ? ok(read.value.normal) : read;
}

function send(message: FromTrainer): void {
  process.send?.(message);
}
