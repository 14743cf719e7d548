import {
  copyPrediction,
  emptyPredictions,
  type LanguageModelSizes,
  type PredictedTrace,
  type PredictionBatch,
  predictionSpan,
} from '../language-model/language-model-spec.ts';

/** The window of a trace that predicts calls `start` … `start + predicted`. */
export type Window = Readonly<{ trace: Omit<PredictedTrace, 'service'>; start: number; classId: number }>;

/** Windows as one batch, in their order. */
export function batchOf(windows: readonly Window[], sizes: LanguageModelSizes): PredictionBatch {
  const batch = emptyPredictions(windows.length, sizes);
  windows.forEach(({ trace, start, classId }, row) => {
    copyPrediction(batch, row, trace, start, sizes);
    batch.classes[row] = classId;
  });
  return batch;
}

/** 1 at predicted places that hold a call, 0 at those of padding; shape [predicted, size], as surprisals are. */
export function placesWithCalls({ size, calls }: PredictionBatch, sizes: LanguageModelSizes): Float32Array {
  const { warmUp, predicted } = sizes;
  const span = predictionSpan(sizes);
  return Float32Array.from({ length: predicted * size }, (_, at) => {
    const [place, row] = [Math.floor(at / size), at % size];
    return calls[row * span + warmUp + 1 + place] === 0 ? 0 : 1;
  });
}

/** Several batches as one, in their order. */
export function joined(batches: readonly PredictionBatch[], sizes: LanguageModelSizes): PredictionBatch {
  const whole = emptyPredictions(
    batches.reduce((sum, { size }) => sum + size, 0),
    sizes,
  );
  let row = 0;
  for (const batch of batches) {
    const at = row * predictionSpan(sizes);
    whole.calls.set(batch.calls, at);
    whole.classes.set(batch.classes, row);
    if (batch.arguments !== undefined) whole.arguments?.set(batch.arguments, at);
    row += batch.size;
  }
  return whole;
}

/** Items in groups that weigh at most `most` together, in their order; an item that weighs more is a group of its own. */
export function grouped<Item>(items: readonly Item[], weightOf: (item: Item) => number, most: number): Item[][] {
  const groups: Item[][] = [];
  let left = 0;
  for (const item of items) {
    const weight = weightOf(item);
    if (groups.length === 0 || weight > left) {
      groups.push([]);
      left = most;
    }
    groups.at(-1)?.push(item);
    left -= weight;
  }
  return groups;
}
