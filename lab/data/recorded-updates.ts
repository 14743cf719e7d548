import type { DeclaredClasses } from '../../aggregation/class-blocks.ts';
import type { UpdateShape } from '../../aggregation/shape.ts';
import { seededNumbers, shuffled } from '../../base/random.ts';
import { isBenign, type Trace } from '../../client/events/trace.ts';
import { areaUnderRoc } from '../../client/tracks/metrics.ts';
import { classTableSpec, openClassTable, trainClassTable } from '../../client/tracks/syscall/gram-table/class-table.ts';
import { rawTraceScore } from '../../client/tracks/syscall/scoring/trace-score.ts';
import { WorkloadClasses } from '../../client/tracks/syscall/traces/workload-classes.ts';
import { classBlocksOf } from '../../proto/class-blocks.ts';
import type { ModelSpec } from '../../proto/model-spec.ts';
import { readAll, recordedPath } from './recorded-traces.ts';

/** What clusters would send in their first round. */
export type RecordedUpdates = Readonly<{
  /** One for each cluster, shape [d]. */
  updates: readonly Float32Array[];
  classes: DeclaredClasses;
  shape: UpdateShape;
  /**
   * How well weights, shape [d], tell recorded intrusions from normal traces that no update was made of: area under the ROC
   * curve, 0 to 1. Some 600 traces of each side are scored.
   */
  worth: (weights: Float32Array) => number;
}>;

/** So many clusters the recorded set gives, each of eleven cut in two. */
export const recordedMax = 22;

/** Of a table's norm, as the coordinator allows it. */
const shapeTolerance = 0.02;

/**
 * Tables by workload class of the recorded system calls' clusters, each cut in two: at most so many as `n`, which ones the
 * seed decides. Counted, so that no TensorFlow is needed.
 */
export async function recordedUpdates(n: number, seed: string): Promise<RecordedUpdates> {
  const all = await readAll(recordedPath);
  const traces = all.filter(({ split, family }) => split === 'train' && family === 'normal');
  const spec = classTableSpec(new WorkloadClasses(traces.map(({ service }) => service).sort()));
  const known = classBlocksOf(spec);
  if (known?.tableNorm === undefined) throw new TypeError('a table by class has blocks and a norm');
  const random = seededNumbers(`recorded updates ${seed}`);
  const halves = [...Map.groupBy(traces, ({ cluster }) => cluster ?? '').values()].flatMap((own) =>
    [0, 1].map((half) => own.filter((_, at) => at % 2 === half)),
  );
  if (halves.length !== recordedMax)
    throw new RangeError(`${halves.length} recorded clusters, expected ${recordedMax}`);
  const trained = shuffled(halves, random)
    .slice(0, n)
    .map((own) => trainClassTable(spec, own));
  return {
    updates: trained.map(({ weights }) => weights),
    classes: {
      blocks: known.blocks.map(({ className, offset, length }) => ({ class: className, ranges: [{ offset, length }] })),
      declared: trained.map(({ classes }) => classes),
    },
    shape: { norm: known.tableNorm, tolerance: shapeTolerance },
    worth: worthOf(spec, all),
  };
}

/** Traces of each side that are scored: an area is then known to one or two points. */
const judgedMax = 600;

function worthOf(spec: ModelSpec, all: readonly Trace[]): (weights: Float32Array) => number {
  const unseen = all.filter(({ split, calls }) => split !== 'train' && calls.length > 0);
  const some = (traces: readonly Trace[]) => {
    const step = Math.max(1, Math.ceil(traces.length / judgedMax));
    return traces.filter((_, at) => at % step === 0);
  };
  const normal = some(unseen.filter(({ family }) => family === 'normal'));
  const hostile = some(unseen.filter((trace) => !isBenign(trace)));
  return (weights) => {
    const { surprisal } = openClassTable(spec, weights);
    const scores = (traces: readonly Trace[]) =>
      surprisal(traces).map((one) => rawTraceScore({ surprisal: one }, undefined));
    return areaUnderRoc(scores(normal), scores(hostile));
  };
}
