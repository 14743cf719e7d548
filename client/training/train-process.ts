/**
 * The process in which a client trains: forked by `trainer.ts`, lowest priority, one job at a time. A process and not a
 * thread, so that the system can share the CPU out by priority, memory goes back at its end, and a crash in native code
 * leaves the detectors running.
 */
import { readFile } from 'node:fs/promises';
import { constants, setPriority } from 'node:os';
import { ok, type Result, refuse } from '../../proto/fault.ts';
import { layoutOf, valuesOfBytes } from '../../proto/layout.ts';
import { secretUnits } from './delta.ts';
import { DutyCycle } from './duty-cycle.ts';
import { ExampleBuffer } from './example-buffer.ts';
import type { CreateLearner } from './learner.ts';
import { type Trained, trainLocally } from './train-locally.ts';
import type { FromTrainer, ToTrainer, TrainJob } from './train-protocol.ts';

const progressEveryMs = 250;

setPriority(constants.priority.PRIORITY_LOW);

/** Resolves when training may go on. */
let gate = Promise.resolve();
let openGate: () => void = () => undefined;
let stopped = false;

process.on('message', (message: ToTrainer) => {
  switch (message.kind) {
    case 'train':
      stopped = false;
      run(message.job).then(
        (done) => send({ kind: 'done', ...done }),
        (error: Error) => {
          const { fault } = refuse('TRAINING_CRASHED', `${error.name}: ${error.message}`.slice(0, 300));
          send({ kind: 'done', result: { ok: false, fault }, unreadable: 0 });
        },
      );
      return;
    case 'pause':
      openGate();
      gate = new Promise((resolve) => {
        openGate = resolve;
      });
      return;
    case 'stop':
      stopped = true;
      openGate();
      return;
    case 'resume':
      openGate();
      return;
  }
});
// The client went away: nobody is left to train for.
process.on('disconnect', () => process.exit(0));
send({ kind: 'ready' });

async function run(job: TrainJob): Promise<{ result: Result<Trained>; unreadable: number }> {
  const base = valuesOfBytes(layoutOf(job.spec), await readFile(job.basePath));
  if (!base.ok) return { result: base, unreadable: 0 };
  const buffer = ExampleBuffer.open(job.bufferPath, job.dataKey, job.bufferSizes);
  if (!buffer.ok) return { result: buffer, unreadable: 0 };
  const normal = buffer.value.read(['reservoir', 'recent']);
  const hard = buffer.value.read(['hard']);
  buffer.value.close();
  const learner = await loadLearner(job.learnerModule);
  if (!learner.ok) return { result: learner, unreadable: 0 };
  const duty = new DutyCycle(job.coresMax);
  let reportedMs = 0;
  const result = await trainLocally({
    ...job,
    base: base.value,
    examples: normal.examples,
    hard: hard.examples,
    createLearner: learner.value,
    unit: secretUnits(),
    mayGoOn: async (progress) => {
      const nowMs = performance.now();
      if (nowMs - reportedMs > progressEveryMs) {
        reportedMs = nowMs;
        send({ kind: 'progress', ...progress, rssBytes: process.memoryUsage.rss() });
      }
      // Lets messages in even when there is nothing to wait for.
      await duty.rest();
      await gate;
      return !stopped;
    },
  });
  return { result, unreadable: normal.unreadable + hard.unreadable };
}

async function loadLearner(url: string): Promise<Result<CreateLearner>> {
  const loaded: { createLearner?: CreateLearner } = await import(url);
  return loaded.createLearner === undefined
    ? refuse('LEARNER_MISSING', `${url} exports no createLearner`)
    : ok(loaded.createLearner);
}

function send(message: FromTrainer): void {
  process.send?.(message);
}
