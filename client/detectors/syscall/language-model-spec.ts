/** The next-call language model's sizes, spec and windows; the network itself is language-model.ts. */
import type { ModelSpec } from '../../../proto/model-spec.ts';
import { gatesPerCell } from '../neural/gates-per-cell.ts';
import { copyWindow } from './call-windows.ts';
import { vocabulary, vocabularyDigest } from './vocabulary.ts';
import { WorkloadClasses } from './workload-classes.ts';

const architecture = 'syscall-lstm-lm/1';

export type LanguageModelSizes = Readonly<{
  embedding: number;
  classEmbedding: number;
  hidden: number;
  /** Calls the network reads before the first that it must predict. */
  warmUp: number;
  /** Calls predicted per window. */
  predicted: number;
}>;

/** Some 34,000 weights: six rounds of eight clusters train in about a minute on two cores. */
const defaultLanguageModelSizes: LanguageModelSizes = {
  embedding: 32,
  classEmbedding: 16,
  hidden: 48,
  warmUp: 8,
  predicted: 16,
};

export function languageModelSpec(classes: WorkloadClasses, sizes = defaultLanguageModelSizes): ModelSpec {
  const { embedding, classEmbedding, hidden } = sizes;
  return {
    architecture,
    hyperparameters: { ...sizes, classes: classes.text, vocabulary: vocabularyDigest },
    tensors: [
      { name: 'embedding', shape: [vocabulary.length, embedding] },
      { name: 'class', shape: [classes.count, classEmbedding] },
      { name: 'lstm.weights', shape: [embedding + classEmbedding + hidden, gatesPerCell * hidden] },
      { name: 'lstm.bias', shape: [gatesPerCell * hidden] },
      { name: 'projection', shape: [hidden + classEmbedding, embedding] },
      { name: 'output.bias', shape: [vocabulary.length] },
    ],
  };
}

/** The sizes a spec was made with; throws when it is not this architecture's. */
export function languageModelSizes(spec: ModelSpec): LanguageModelSizes {
  if (spec.architecture !== architecture || spec.hyperparameters.vocabulary !== vocabularyDigest) {
    throw new RangeError(
      `model spec: expected architecture ${architecture} over this version's vocabulary, got ${spec.architecture}; use a model made by this version`,
    );
  }
  const size = (name: keyof LanguageModelSizes) => {
    const value = spec.hyperparameters[name];
    if (typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 4_096) return value;
    throw new RangeError(`model spec: ${name} must be a whole number from 1 to 4,096, got ${value}`);
  };
  return {
    embedding: size('embedding'),
    classEmbedding: size('classEmbedding'),
    hidden: size('hidden'),
    warmUp: size('warmUp'),
    predicted: size('predicted'),
  };
}

/** The workload classes a spec was made for. */
export function languageModelClasses(spec: ModelSpec): WorkloadClasses {
  return WorkloadClasses.parse(String(spec.hyperparameters.classes ?? ''));
}

/** Windows of equal shape, laid out for the network. */
export type PredictionBatch = Readonly<{
  size: number;
  /** [size, warmUp + predicted + 1]: what is read, and one further so that every predicted call is there as target. */
  calls: Int32Array;
  /** [size]: class ids. */
  classes: Int32Array;
}>;

/** Calls a prediction window spans: context, predicted calls, and the one before them. */
export function predictionSpan({ warmUp, predicted }: LanguageModelSizes): number {
  return warmUp + predicted + 1;
}

/** Copies the window that predicts calls `start` … `start + predicted` of a trace into place `index` of a batch. */
export function copyPrediction(
  batch: PredictionBatch,
  index: number,
  calls: Uint16Array,
  start: number,
  sizes: LanguageModelSizes,
): void {
  const span = predictionSpan(sizes);
  copyWindow(calls, start - sizes.warmUp - 1, span, batch.calls, index * span);
}
