/** The next-call language model's sizes, spec and windows; the network itself is language-model.ts. */
import type { ModelSpec, TensorSpec } from '../../../../proto/model-spec.ts';
import type { Trace } from '../../../events/trace.ts';
import { vocabulary, vocabularyDigest } from '../../../events/vocabulary.ts';
import { gatesPerCell } from '../../neural/gates-per-cell.ts';
import { copyWindow, windowKey } from '../traces/call-windows.ts';
import { WorkloadClasses } from '../traces/workload-classes.ts';
import { argumentBucket, argumentBucketCount, unseenArguments } from './argument-buckets.ts';

const architecture = 'syscall-lstm-lm/1';

export type LanguageModelSizes = Readonly<{
  embedding: number;
  classEmbedding: number;
  hidden: number;
  /** Calls the network reads before the first that it must predict. */
  warmUp: number;
  /** Calls predicted per window. */
  predicted: number;
  /** What is known of a call's arguments, read and predicted too; without it the model knows calls alone. */
  argumentEmbedding?: number;
}>;

/** Some 34,000 weights: six rounds of eight clusters train in about a minute on two cores. */
const defaultLanguageModelSizes: LanguageModelSizes = {
  embedding: 32,
  classEmbedding: 16,
  hidden: 48,
  warmUp: 8,
  predicted: 16,
};

/** The default and the classes of arguments: some 9,000 weights more. */
export const sizesWithArguments: LanguageModelSizes = { ...defaultLanguageModelSizes, argumentEmbedding: 8 };

export function languageModelSpec(classes: WorkloadClasses, sizes = defaultLanguageModelSizes): ModelSpec {
  const { embedding, classEmbedding, hidden, argumentEmbedding = 0 } = sizes;
  const read = embedding + argumentEmbedding + classEmbedding;
  return {
    architecture,
    hyperparameters: { ...sizes, classes: classes.text, vocabulary: vocabularyDigest },
    tensors: [
      { name: 'embedding', shape: [vocabulary.length, embedding] },
      { name: 'class', shape: [classes.count, classEmbedding] },
      { name: 'lstm.weights', shape: [read + hidden, gatesPerCell * hidden] },
      { name: 'lstm.bias', shape: [gatesPerCell * hidden] },
      { name: 'projection', shape: [hidden + classEmbedding, embedding] },
      { name: 'output.bias', shape: [vocabulary.length] },
      ...(argumentEmbedding === 0 ? [] : argumentTensors(sizes, argumentEmbedding)),
    ],
  };
}

/** Arguments are predicted from what the calls are predicted from, and the call that they belong to. */
function argumentTensors({ hidden, classEmbedding, embedding }: LanguageModelSizes, width: number): TensorSpec[] {
  return [
    { name: 'argument', shape: [argumentBucketCount, width] },
    { name: 'argument.projection', shape: [hidden + classEmbedding + embedding, width] },
    { name: 'argument.bias', shape: [argumentBucketCount] },
  ];
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
    ...(spec.hyperparameters.argumentEmbedding === undefined ? {} : { argumentEmbedding: size('argumentEmbedding') }),
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
  /** As `calls`: rows of the argument embedding, where the model has one. */
  arguments?: Int32Array;
}>;

/** What a window is cut from. */
export type PredictedTrace = Pick<Trace, 'calls' | 'service' | 'argumentClasses'>;

/** Calls a prediction window spans: context, predicted calls, and the one before them. */
export function predictionSpan({ warmUp, predicted }: LanguageModelSizes): number {
  return warmUp + predicted + 1;
}

/** A batch of `size` windows of padding. */
export function emptyPredictions(size: number, sizes: LanguageModelSizes): PredictionBatch {
  const length = size * predictionSpan(sizes);
  return {
    size,
    calls: new Int32Array(length),
    classes: new Int32Array(size),
    ...(sizes.argumentEmbedding === undefined ? {} : { arguments: new Int32Array(length) }),
  };
}

/** Copies the window that predicts calls `start` … `start + predicted` of a trace into place `index` of a batch. */
export function copyPrediction(
  batch: PredictionBatch,
  index: number,
  { calls, argumentClasses }: Omit<PredictedTrace, 'service'>,
  start: number,
  sizes: LanguageModelSizes,
): void {
  const span = predictionSpan(sizes);
  const first = start - sizes.warmUp - 1;
  copyWindow(calls, first, span, batch.calls, index * span);
  if (batch.arguments === undefined || argumentClasses === undefined) return;
  for (let place = 0; place < span; place++) {
    const seen = argumentClasses[first + place];
    batch.arguments[index * span + place] = seen === undefined ? unseenArguments : argumentBucket(seen);
  }
}

/** A window as a map key: the same where the network cannot tell two windows apart. */
export function predictionKey(
  { calls, argumentClasses }: Omit<PredictedTrace, 'service'>,
  start: number,
  classId: number,
  sizes: LanguageModelSizes,
): string {
  const span = predictionSpan(sizes);
  const first = start - sizes.warmUp - 1;
  const key = String.fromCharCode(classId) + windowKey(calls, first, span);
  if (sizes.argumentEmbedding === undefined || argumentClasses === undefined) return key;
  return key + windowKey(argumentClasses, first, span);
}
