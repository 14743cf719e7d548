/**
 * The gram table with a block for each workload class: the same evidence, hashed within the block of its class alone. A
 * cluster writes to the blocks of the classes that it runs and nowhere else, so what a liar can touch ends where its
 * declared classes do, and the coordinator can tell by the shape of an update (proto/class-blocks.ts).
 *
 * A workload whose class the spec does not name is learnt by nobody, unless the spec has the class "other".
 */
import { blocksParameter, type ClassBlock, classBlocksOf, tableNormParameter } from '../../../../proto/class-blocks.ts';
import { type ClassName, isClassName } from '../../../../proto/ids.ts';
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import { vocabularyDigest } from '../../../events/vocabulary.ts';
import { type Detector, meanSurprisal, type Observed, type OpenDetector } from '../../detector.ts';
import type { WorkloadClasses } from '../traces/workload-classes.ts';
import { gramLengthMax } from './gram-hash.ts';
import { evidenceOfWeights, GramCounts, gramSurprisal, scaleToCommonNorm, weightsNorm } from './gram-table.ts';

const architecture = 'syscall-gram-table/2';

/** 2^15 slots (128 KiB) a class: a class's grams of eleven clusters fill a fifth of them. */
const slotsOfClassDefault = 2 ** 15;
/** Takes the workloads that no other class of the spec names. */
const otherClass = 'other';
/** Traces that a table's loss is measured on: it is for people to look at. */
const lossTracesMax = 100;

/** Throws a RangeError where a class cannot be the name of a block and of a label: 1 to 57 of a-z, 0-9 and "-". */
export function classTableSpec(classes: WorkloadClasses, slotsOfClass = slotsOfClassDefault): ModelSpec {
  if (!Number.isInteger(Math.log2(slotsOfClass)) || slotsOfClass < 2 ** 8 || slotsOfClass > 2 ** 20) {
    throw new RangeError(`gram table: slots of a class must be a power of two from 2^8 to 2^20, got ${slotsOfClass}`);
  }
  const spec: ModelSpec = {
    architecture,
    hyperparameters: {
      [blocksParameter]: true,
      [tableNormParameter]: weightsNorm,
      classes: classes.text,
      gramLengthMax,
      slotsOfClass,
      vocabulary: vocabularyDigest,
    },
    tensors: classes.names.map((name) => ({ name: `evidence/${name}`, shape: [slotsOfClass] })),
  };
  const illegal = classes.names.filter((name) => !isClassName(name));
  if (illegal.length > 0 || classBlocksOf(spec) === undefined) {
    throw new RangeError(
      `gram table: blocks need 1 to 64 classes with names of 1 to 57 of a-z, 0-9 and "-"; got ${illegal.join(', ') || classes.text}`,
    );
  }
  return spec;
}

/** The blocks of a table that this version can read, by class; throws a RangeError for another spec. */
export function classTableBlocks(spec: ModelSpec): ReadonlyMap<string, ClassBlock> {
  const { gramLengthMax: length, vocabulary: digest, slotsOfClass } = spec.hyperparameters;
  const blocks = classBlocksOf(spec)?.blocks;
  const known = spec.architecture === architecture && digest === vocabularyDigest && length === gramLengthMax;
  if (!known || blocks?.every((block) => block.length === slotsOfClass) !== true) {
    throw new RangeError(
      `model spec: expected ${architecture} over this version's vocabulary and grams of up to ${gramLengthMax} calls, got ${spec.architecture}; use a model made by this version`,
    );
  }
  return new Map(blocks.map((block) => [block.className, block]));
}

/** The class whose block a workload's traces go to; undefined for a workload that the spec has no place for. */
function blockFor(blocks: ReadonlyMap<string, ClassBlock>, workload: string): ClassBlock | undefined {
  return blocks.get(workload) ?? blocks.get(otherClass);
}

/** All grams of a block are of one class: the hash needs no other. */
const classIdOfBlock = 1;

/**
 * A cluster's local weights: the evidence in its traces, scaled to the common norm, shape [layout.length], and the classes
 * that there was evidence of, ascending. `allowed`: traces of other classes are passed over; all count where it is absent.
 */
export function trainClassTable(
  spec: ModelSpec,
  traces: Iterable<Observed>,
  allowed?: ReadonlySet<string>,
): Readonly<{ weights: Float32Array; examples: number; classes: readonly ClassName[] }> {
  const blocks = classTableBlocks(spec);
  const counts = new Map<ClassBlock, GramCounts>();
  for (const { calls, service } of traces) {
    const block = blockFor(blocks, service);
    if (block === undefined || calls.length === 0 || allowed?.has(block.className) === false) continue;
    const counted = counts.get(block) ?? new GramCounts(block.length);
    counts.set(block, counted);
    counted.learn(calls, classIdOfBlock);
  }
  const weights = new Float32Array([...blocks.values()].reduce((sum, { length }) => sum + length, 0));
  for (const [{ offset }, counted] of counts) weights.set(counted.evidence(), offset);
  scaleToCommonNorm(weights);
  const examples = [...counts.values()].reduce((sum, { traceCount }) => sum + traceCount, 0);
  return { weights, examples, classes: [...counts.keys()].map(({ className }) => className).sort() };
}

/** Weights opened for scoring; what the table has no block for is as surprising as chance, call by call. */
export function openClassTable(spec: ModelSpec, weights: Float32Array): OpenDetector {
  const blocks = classTableBlocks(spec);
  const evidence = evidenceOfWeights(weights);
  const nothing = new Float32Array(1);
  return {
    surprisal: (traces) =>
      traces.map(({ calls, service }) => {
        const block = blockFor(blocks, service);
        const known = block === undefined ? nothing : evidence.subarray(block.offset, block.offset + block.length);
        return gramSurprisal(known, calls, classIdOfBlock);
      }),
    close() {},
  };
}

/** The table with blocks as a detector. Throws a RangeError for a spec that is not one of this version. */
export function classTableDetector(spec: ModelSpec): Detector {
  const length = [...classTableBlocks(spec).values()].reduce((sum, block) => sum + block.length, 0);
  return {
    spec,
    init: () => new Float32Array(length),
    // The base does not matter: the local weights are the evidence at hand, and the delta pulls the federation there.
    train(_base, traces) {
      const { weights, examples } = trainClassTable(spec, traces);
      const loss = meanSurprisal(openClassTable(spec, weights), traces.slice(0, lossTracesMax));
      return { weights, steps: 0, examples, loss };
    },
    open(weights) {
      if (weights.length !== length) {
        throw new RangeError(`gram table: expected ${length} values, got ${weights.length}`);
      }
      return openClassTable(spec, weights);
    },
  };
}
