import { type Random, randomOrder, seededRandom } from '../../../../base/random.ts';
import { unknownClassId, type WorkloadClasses } from '../traces/workload-classes.ts';
import {
  copyPrediction,
  emptyPredictions,
  type LanguageModelSizes,
  type PredictedTrace,
  type PredictionBatch,
  predictionKey,
} from './language-model-spec.ts';

/** One distinct window of one class, and how often the traces hold it. */
type Example = { trace: PredictedTrace; start: number; classId: number; count: number };

/**
 * The distinct prediction windows of a set of traces. Processes repeat themselves: a window seen a thousand times is
 * kept once, and counts 1 + log2(1000) times a window seen once, so that rare but normal behaviour is learnt as well.
 */
export class PredictionExamples {
  readonly #sizes: LanguageModelSizes;
  readonly #examples: Example[] = [];

  constructor(traces: Iterable<PredictedTrace>, classes: WorkloadClasses, sizes: LanguageModelSizes) {
    this.#sizes = sizes;
    const known = new Map<string, Example>();
    for (const trace of traces) {
      const classId = classes.idOf(trace.service);
      for (let start = 0; start < trace.calls.length; start += sizes.predicted) {
        const key = predictionKey(trace, start, classId, sizes);
        const example = known.get(key);
        if (example !== undefined) example.count++;
        else known.set(key, { trace, start, classId, count: 1 });
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
      const batch = emptyPredictions(rows, this.#sizes);
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

  #place(batch: PredictionBatch, row: number, example: Example, hideClass: number, random: Random): void {
    copyPrediction(batch, row, example.trace, example.start, this.#sizes);
    batch.classes[row] = random() < hideClass ? unknownClassId : example.classId;
  }
}
