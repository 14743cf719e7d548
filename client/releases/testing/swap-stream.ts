import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unwrap } from '../../../base/fault.ts';
import { digestOf } from '../../../proto/digest.ts';
import { bytesOfValues } from '../../../proto/layout.ts';
import type { ModelSpec } from '../../../proto/model-spec.ts';
import { defaultBufferSizes } from '../../learning/example-buffer.ts';
import { type ModelName, nameOf, type ScoringModel } from '../../scoring/score-protocol.ts';
import { Scorer } from '../../scoring/scoring-thread.ts';

export type SwapStream = Readonly<{
  /** Where weights and an empty buffer of examples lie. */
  folder: string;
  spec: ModelSpec;
  /** Two different models of the spec: swaps go from one to the other and back. */
  weights: readonly [Float32Array, Float32Array];
  /** An example by its number; a few dozen different ones, so that what each model says of them can be known before. */
  examples: readonly unknown[];
  swaps: number;
  batchSize: number;
  /** Batches begin at least this far apart; 0 for as fast as they are answered. */
  everyMs: number;
}>;

export type SwapCount = Readonly<{
  eventsIn: number;
  eventsOut: number;
  /** Batches that were answered out of turn, or by a model that does not say these scores. */
  wrong: number;
  byModel: Readonly<Record<ModelName, number>>;
  swaps: number;
  tensors: Readonly<{ before: number; after: number }>;
  models: number;
  seconds: number;
  /** Milliseconds from handing a batch on to having its scores. */
  answerMs: readonly number[];
}>;

const outstandingMax = 16;

/**
 * A steady stream of events through the scoring thread while the live model is replaced over and over: every event must
 * come back once, in order, with the scores of the one model that the answer names.
 */
export async function countSwaps(stream: SwapStream): Promise<SwapCount> {
  const { examples, swaps, batchSize, everyMs } = stream;
  const scorer = new Scorer();
  try {
    const models = await Promise.all([1, 2].map((version) => modelOf(stream, version)));
    const expected = new Map<ModelName, readonly number[]>();
    for (const model of models) {
      unwrap(await scorer.load(model, 1));
      const scores = unwrap(await scorer.assess(nameOf(model), examples));
      expected.set(
        nameOf(model),
        scores.map((one) => one.scores[0] as number),
      );
    }
    const [first, second] = models as [ScoringModel, ScoringModel];
    unwrap(await scorer.swap(nameOf(first)));
    unwrap(await scorer.drop(nameOf(second)));
    const before = unwrap(await scorer.count());

    let swapping = true;
    let eventsIn = 0;
    let eventsOut = 0;
    let wrong = 0;
    let nextOut = 0;
    const byModel: Record<ModelName, number> = {};
    const answerMs: number[] = [];
    const outstanding = new Set<Promise<unknown>>();
    let answer = Promise.withResolvers<ModelName>();
    const startedMs = performance.now();
    const send = async (from: number) => {
      const numbers = Array.from({ length: batchSize }, (_, at) => (from + at) % examples.length);
      const sentMs = performance.now();
      const { live } = unwrap(await scorer.score(numbers.map((at) => examples[at])));
      answerMs.push(performance.now() - sentMs);
      const says = expected.get(live.model);
      const isRight = numbers.every((number, at) => live.scores[at]?.scores[0] === says?.[number]);
      if (from !== nextOut || !isRight || live.scores.length !== batchSize) wrong += 1;
      nextOut = from + batchSize;
      eventsOut += live.scores.length;
      byModel[live.model] = (byModel[live.model] ?? 0) + live.scores.length;
      answer.resolve(live.model);
      answer = Promise.withResolvers();
    };
    const feed = async () => {
      for (let batch = 0; swapping; batch += 1) {
        const sent: Promise<unknown> = send(eventsIn).then(() => outstanding.delete(sent));
        eventsIn += batchSize;
        outstanding.add(sent);
        if (outstanding.size >= outstandingMax) await Promise.race(outstanding);
        const aheadMs = startedMs + batch * everyMs - performance.now();
        await new Promise((resolve) => (aheadMs > 1 ? setTimeout(resolve, aheadMs) : setImmediate(resolve)));
      }
      await Promise.all(outstanding);
    };
    const feeding = feed();
    // Seen here too, so that what goes wrong in one of the two is not hidden by the other.
    feeding.catch(() => undefined);
    for (let swap = 1; swap <= swaps; swap += 1) {
      const model = swap % 2 === 0 ? first : second;
      unwrap(await scorer.load(model, 1));
      unwrap(await scorer.swap(nameOf(model)));
      // Each has its turn, however slowly the stream comes; a stream that broke ends this too.
      while ((await Promise.race([answer.promise, feeding])) !== nameOf(model));
    }
    swapping = false;
    await feeding;
    const seconds = (performance.now() - startedMs) / 1_000;
    // Back to where it began, so that equal counts mean that nothing was left behind.
    unwrap(await scorer.load(first, 1));
    unwrap(await scorer.swap(nameOf(first)));
    const after = unwrap(await scorer.count());
    const tensors = { before: before.tensors, after: after.tensors };
    return { eventsIn, eventsOut, wrong, byModel, swaps, tensors, models: after.models, seconds, answerMs };
  } finally {
    await scorer.close();
  }
}

async function modelOf({ folder, spec, weights }: SwapStream, version: number): Promise<ScoringModel> {
  const bytes = bytesOfValues(weights[version - 1] as Float32Array);
  const weightsPath = join(folder, `weights-${version}`);
  await writeFile(weightsPath, bytes);
  return {
    kindModule: new URL('../../tracks/syscall/track.ts', import.meta.url).href,
    spec,
    version,
    digest: digestOf(bytes),
    weightsPath,
    bufferPath: join(folder, 'examples.db'),
    bufferSizes: defaultBufferSizes,
    dataKey: new Uint8Array(32),
  };
}
