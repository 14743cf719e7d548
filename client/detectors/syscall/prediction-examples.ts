import { type Random, randomOrder, seededRandom } from '../random.ts';
import { windowKey } from './call-windows.ts';
import {
  copyPrediction,
  type LanguageModelSizes,
  type PredictionBatch,
  predictionSpan,
} from './language-model-spec.ts';
import type { Trace } from './trace.ts';
import { unknownClassId, type WorkloadClasses } from './workload-classes.ts';

/** One distinct window of one class, and how often the traces hold it. */
type Example = { calls: Uint16Array; start: number; classId: number; count: number };

/**
 * The distinct prediction windows of a set of traces. Processes repeat themselves: a window seen a thousand times is
 * kept once, and counts 1 + log2(1000) times a window seen once, so that rare but normal behaviour is learnt as well.
 */
export class PredictionExamples {
  readonly #sizes: LanguageModelSizes;
  readonly #examples: Example[] = [];

  constructor(traces: Iterable<Pick<Trace, 'calls' | 'service'>>, classes: WorkloadClasses, sizes: LanguageModelSizes) {
    this.#sizes = sizes;
    const known = new Map<string, Example>();
    const span = predictionSpan(sizes);
    for (const { calls, service } of traces) {
      const classId = classes.idOf(service);
      for (let start = 0; start < calls.length; start += sizes.predicted) {
        const key = String.fromCharCode(classId) + windowKey(calls, start - sizes.warmUp - 1, span);
        const example = known.get(key);
        if (example !== undefined) example.count++;
        else known.set(key, { calls, start, classId, count: 1 });
      }
    }
    this.#examples = [...known.values()];
  }

  get count(): number {
    return this.#examples.length;
  }

  /**
   * Batches without end, every example once per pass in an order that the seed decides. One class in `1 / hideClass` is
   * hidden, so that the row of the unknown class learns what all workloads have in common.
   */
  *batches(
    size: number,
    seed: number,
    hideClass: number,
  ): Generator<{ batch: PredictionBatch; weights: Float32Array }> {
    const random = seededRandom(seed);
    const total = this.#examples.length;
    if (total === 0) return;
    let order = randomOrder(total, random);
    let next = 0;
    for (;;) {
      const rows = Math.min(size, total);
      const batch = this.#emptyBatch(rows);
      const weights = new Float32Array(rows);
      for (let row = 0; row < rows; row++) {
        if (next === total) {
          order = randomOrder(total, random);
          next = 0;
        }
        const example = this.#examples[order[next++] as number] as Example;
        this.#place(batch, row, example, hideClass, random);
        weights[row] = 1 + Math.log2(example.count);
      }
      yield { batch, weights };
    }
  }

  #emptyBatch(size: number): PredictionBatch {
    return { size, calls: new Int32Array(size * predictionSpan(this.#sizes)), classes: new Int32Array(size) };
  }

  #place(batch: PredictionBatch, row: number, example: Example, hideClass: number, random: Random): void {
    copyPrediction(batch, row, example.calls, example.start, this.#sizes);
    batch.classes[row] = random() < hideClass ? unknownClassId : example.classId;
  }
}
