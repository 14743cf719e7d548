import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { bytesOfValues } from '../../proto/layout.ts';
import { moduleOfKind } from '../tracks/track-kinds.ts';
import { ExampleBuffer } from './example-buffer.ts';
import type { BreakerState } from './pressure.ts';
import { trackKind } from './testing/histogram/track.ts';
import type { TrainJob } from './train-protocol.ts';
import { Trainer, type TrainerOptions } from './trainer.ts';

const sizes = { recent: 100, reservoir: 100, hard: 10, regression: 10 };
let folder: string;
let trainers: Trainer[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-trainer-'));
  trainers = [];
});
afterEach(async () => {
  await Promise.all(trainers.map((trainer) => trainer.close()));
  await rm(folder, { recursive: true, force: true });
});

async function newJob(over: Partial<TrainJob> = {}): Promise<TrainJob> {
  const bufferPath = join(folder, 'examples.db');
  const dataKey = Buffer.alloc(32, 5);
  const buffer = unwrap(ExampleBuffer.open(bufferPath, dataKey, trackKind.examples, sizes));
  unwrap(
    buffer.add(
      Array.from({ length: 50 }, (_, at) => ({ workload: 'nginx', calls: Uint16Array.of(at, 1, 2) })),
      0,
    ),
  );
  buffer.close();
  const basePath = join(folder, 'base.f32');
  await writeFile(basePath, bytesOfValues(new Float32Array(8)));
  return {
    kindModule: moduleOfKind(fileURLToPath(new URL('./testing/histogram', import.meta.url))) ?? '',
    spec: { architecture: 'histogram/1', hyperparameters: {}, tensors: [{ name: 'w', shape: [8] }] },
    basePath,
    bufferPath,
    bufferSizes: sizes,
    dataKey,
    plan: {
      epochs: 2,
      stepsMax: 100_000,
      batchSize: 5,
      learningRate: 0.1,
      clipNorm: 0,
      noiseMultiplier: 0,
      proximalMu: 0,
      seed: 3,
    },
    gradientClipNorm: 5,
    hardRepeats: 2,
    coresMax: 8,
    ...over,
  };
}

function newTrainer(options: TrainerOptions = {}): Trainer {
  const trainer = new Trainer(options);
  trainers.push(trainer);
  return trainer;
}

const never = new AbortController().signal;

describe('Trainer', () => {
  it('trains in another process from the encrypted buffer, and to the same bits twice', async () => {
    const trainer = newTrainer();
    const job = await newJob();
    const first = unwrap(await trainer.run(job, never));
    expect(first).toMatchObject({ steps: 20, exampleCount: 50 });
    expect(first.delta.some((value) => value !== 0)).toBe(true);
    expect(unwrap(await trainer.run(job, never)).delta).toEqual(first.delta);
  });

  it('stops soon after it is told to', async () => {
    const job = await newJob();
    const controller = new AbortController();
    const trainer = newTrainer({ onProgress: () => controller.abort() });
    const result = await trainer.run({ ...job, plan: { ...job.plan, epochs: 1_000 } }, controller.signal);
    expect(result).toMatchObject({ fault: { code: 'TRAINING_STOPPED' } });
  });

  it('pauses under memory pressure and finishes when it is gone', async () => {
    const states: BreakerState['kind'][] = [];
    const job = await newJob();
    const limits = { rssBytesMax: 1, loopDelayMsMax: 1e6, pauseMs: 20, pauseMsMax: 40, memoryTripsMax: 5 };
    const trainer = newTrainer({
      limits,
      sampleEveryMs: 10,
      onBreaker: (state) => {
        states.push(state.kind);
        // The pressure goes away while training is paused.
        limits.rssBytesMax = Number.POSITIVE_INFINITY;
      },
    });
    const result = await trainer.run({ ...job, plan: { ...job.plan, epochs: 200 } }, never);
    expect(unwrap(result).steps).toBe(2_000);
    expect(states).toEqual(['paused', 'running']);
  });

  it('ends a training that never fits into memory, and says so', async () => {
    const job = await newJob();
    const limits = { rssBytesMax: 1, loopDelayMsMax: 1e6, pauseMs: 5, pauseMsMax: 5, memoryTripsMax: 3 };
    const trainer = newTrainer({ limits, sampleEveryMs: 5 });
    const result = await trainer.run({ ...job, plan: { ...job.plan, epochs: 1_000 } }, never);
    expect(result).toMatchObject({ fault: { code: 'TRAINING_OUT_OF_MEMORY' } });
  });

  it('turns a crash of the training process into a fault, and starts another for the next round', async () => {
    const trainer = newTrainer();
    const job = await newJob();
    const crashing = { ...job, spec: { ...job.spec, architecture: 'crash/1' } };
    expect(await trainer.run(crashing, never)).toMatchObject({ fault: { code: 'TRAINING_CRASHED' } });
    expect((await trainer.run(job, never)).ok).toBe(true);
  });

  it('refuses a base of another size', async () => {
    const trainer = newTrainer();
    const job = await newJob();
    await writeFile(join(folder, 'short.f32'), new Uint8Array(12));
    expect(await trainer.run({ ...job, basePath: join(folder, 'short.f32') }, never)).toMatchObject({
      fault: { code: 'LENGTH_MISMATCH' },
    });
  });
});
