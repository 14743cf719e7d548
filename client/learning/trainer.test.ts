import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
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

/** A training process of a few lines, which notes its id. */
async function program(name: string, lines: string): Promise<URL> {
  const file = join(folder, `${name}.mjs`);
  const pidFile = JSON.stringify(join(folder, 'pid'));
  await writeFile(
    file,
    `import { writeFileSync } from 'node:fs';\nwriteFileSync(${pidFile}, String(process.pid));\n${lines}`,
  );
  return pathToFileURL(file);
}

/** Until the last of them is known to have ended: this process has taken its exit code then. */
async function untilGone(): Promise<void> {
  const pid = Number(await readFile(join(folder, 'pid'), 'utf8'));
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Answers each job with this refusal, and then does `next`. */
const answering = (next: string) => `
  process.on('disconnect', () => process.exit());
  process.on('message', ({ kind }) => {
    if (kind !== 'train') return;
    const result = { ok: false, fault: { code: 'PLAN_UNUSABLE', message: 'answered' } };
    process.send({ kind: 'done', result, unreadable: 0 }, () => { ${next} });
  });
  process.send({ kind: 'ready' });
`;

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

  it('says so when the training process ends before it is ready, each time anew', async () => {
    const trainer = newTrainer({ program: await program('dead', 'process.exit(3)') });
    const job = await newJob();
    const crashed = { ok: false, fault: { code: 'TRAINING_CRASHED', message: 'the training process ended (exit 3)' } };
    expect(await trainer.run(job, never)).toEqual(crashed);
    expect(await trainer.run(job, never)).toEqual(crashed);
  });

  it('starts another when the training process has ended between two jobs', async () => {
    const trainer = newTrainer({ program: await program('once', answering('process.exit(0)')) });
    const job = await newJob();
    for (const _ of [1, 2]) {
      expect(await trainer.run(job, never)).toMatchObject({ fault: { message: 'answered' } });
      await untilGone();
    }
  });

  it('lets a training process go that has ended by itself meanwhile', async () => {
    const trainer = newTrainer({ program: await program('once', answering('process.exit(0)')) });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      expect(await trainer.run(await newJob(), never)).toMatchObject({ fault: { message: 'answered' } });
      await untilGone();
      vi.advanceTimersByTime(60_000);
    } finally {
      vi.useRealTimers();
    }
  });

  it('is stopped while its process starts', async () => {
    const trainer = newTrainer({ program: await program('slow', 'setInterval(() => {}, 1_000)') });
    const controller = new AbortController();
    const running = trainer.run(await newJob(), controller.signal);
    await expect.poll(() => readFileSync(join(folder, 'pid'), 'utf8')).not.toBe('');
    controller.abort();
    expect(await running).toMatchObject({ fault: { code: 'TRAINING_STOPPED' } });
  });

  it('is closed while its process starts', async () => {
    const trainer = newTrainer({ program: await program('slow', 'setInterval(() => {}, 1_000)') });
    const running = trainer.run(await newJob(), never);
    await expect.poll(() => readFileSync(join(folder, 'pid'), 'utf8')).not.toBe('');
    await trainer.close();
    expect(await running).toMatchObject({ fault: { code: 'TRAINING_CRASHED' } });
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
