import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { countSwaps } from '../../client/releases/testing/swap-stream.ts';
import { syscallDetector } from '../../client/tracks/syscall/detectors.ts';
import { WorkloadClasses } from '../../client/tracks/syscall/traces/workload-classes.ts';
import type { BenchOptions } from '../harness/bench.ts';
import { fillLcgRows } from '../harness/lcg.ts';
import { startOthersMeter } from '../harness/machine.ts';
import { figure } from '../harness/measure.ts';
import type { Report } from '../harness/report.ts';

/** What runs how often: an LSTM reads some hundred traces a second on one core, a gram table ten thousand and more. */
const loads = {
  'gram table': { detector: 'gram-table', eventsPerSecond: 10_000, batchSize: 100, swaps: 1_000, smallSwaps: 5 },
  'language model': { detector: 'lstm-lm', eventsPerSecond: 100, batchSize: 5, swaps: 100, smallSwaps: 2 },
} as const;

/** Events in, events out, each scored by the one model that its answer names, while the live model is replaced. */
export async function measureSwaps(model: keyof typeof loads, { small }: BenchOptions, report: Report): Promise<void> {
  const { detector: name, eventsPerSecond, batchSize, swaps, smallSwaps } = loads[model];
  const detector = syscallDetector(name, new WorkloadClasses(['nginx', 'redis']));
  const noise = new Float32Array(detector.init(1).length);
  fillLcgRows(1, 0, noise.length, () => noise, 7);
  const examples = Array.from({ length: 64 }, (_, at) => ({
    workload: at % 2 === 0 ? 'nginx' : 'redis',
    calls: Uint16Array.from({ length: 20 + at }, (_, call) => (call * (at + 3)) % 200),
  }));
  const folder = await mkdtemp(join(tmpdir(), 'testudo-bench-'));
  const others = startOthersMeter();
  try {
    const count = await countSwaps({
      folder,
      spec: detector.spec,
      weights: [detector.init(1).map((value, at) => value + Math.abs(noise[at] as number)), detector.init(2)],
      examples,
      swaps: small ? smallSwaps : swaps,
      batchSize,
      everyMs: (batchSize / eventsPerSecond) * 1_000,
    });
    if (count.eventsIn !== count.eventsOut) throw new Error(`${count.eventsIn} events in, ${count.eventsOut} out`);
    if (count.wrong > 0) throw new Error(`${count.wrong} batches out of turn or with another model's scores`);
    if (count.tensors.before !== count.tensors.after) throw new Error('tensors were left behind');
    const sorted = [...count.answerMs].sort((a, b) => a - b);
    const [p50, p99] = [0.5, 0.99].map((share) => sorted[Math.floor(share * (sorted.length - 1))] as number);
    const rate = count.eventsOut / count.seconds;
    report.record({
      case: `swaps ${model} events/s=${eventsPerSecond} swaps=${count.swaps}`,
      eventsIn: count.eventsIn,
      eventsOut: count.eventsOut,
      eventsPerSecond: rate,
      swaps: count.swaps,
      seconds: count.seconds,
      answerMsP50: p50,
      answerMsP99: p99,
      answerMsMax: sorted.at(-1),
      tensorsBefore: count.tensors.before,
      tensorsAfter: count.tensors.after,
      modelsLoadedAfter: count.models,
      busyCores: others(),
    });
    report.text(
      `## Swaps under load: ${model}\n\n${count.swaps} times another release was read, checked, warmed and made live in ` +
        `${figure(count.seconds)} s, while ${figure(rate)} events/s were scored (asked: ${eventsPerSecond}): ` +
        `${count.eventsIn} in, ${count.eventsOut} out, in order, each with the scores of the one model that its answer ` +
        `names. A batch of ${batchSize} waited ${figure(p50 as number)} ms for its scores (median), ${figure(p99 as number)} ms at p99. ` +
        `Tensors before and after: ${count.tensors.before} and ${count.tensors.after}.`,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
