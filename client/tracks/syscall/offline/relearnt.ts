import { ok, type Result, refuse } from '../../../../base/fault.ts';
import { isBenign, type Trace } from '../../../events/trace.ts';
import { readTraceFile, type TraceFileOptions } from '../../../recordings/trace-file.ts';
import { learnClusterState, type SyscallModel } from '../scoring/scoring.ts';

export type RelearntFaultCode = 'OPTION_WRONG' | 'TRACE_FILE_UNREADABLE' | 'TRACE_FILE_CUT_SHORT';

/** normal: the traces that were learnt. */
type Relearnt = Readonly<{ model: SyscallModel; normal: readonly Trace[] }>;

/**
 * A model whose clusters learn their local part anew from a file's normal traces of the split "train", cluster by cluster,
 * with these call weights. They have to be known for every score, and calibrations hold for the weights they were made with.
 */
export async function relearnt(
  model: SyscallModel,
  normal: string | undefined,
  callWeights: 'none' | 'tfidf',
  options: TraceFileOptions,
): Promise<Result<Relearnt, RelearntFaultCode>> {
  if (normal === undefined) {
    if (callWeights === 'none') return ok({ model, normal: [] });
    return refuse(
      'OPTION_WRONG',
      '--call-weights tfidf needs --normal, a trace file whose split "train" says what is normal',
    );
  }
  const traces: Trace[] = [];
  for await (const item of readTraceFile(normal, options)) {
    if (item.kind === 'broken') return { ok: false, fault: item.fault };
    if (item.kind === 'trace' && item.trace.split === 'train' && isBenign(item.trace)) traces.push(item.trace);
  }
  const byCluster = Map.groupBy(traces, ({ cluster }) => cluster ?? '');
  if (byCluster.has(''))
    return refuse('OPTION_WRONG', `--normal: ${normal} needs a cluster column: scores are local to a cluster`);
  const { detector, weights } = model;
  const learn = (own: readonly Trace[]) => learnClusterState(detector, weights, own, callWeights);
  const clusters = new Map([...byCluster].map(([cluster, own]) => [cluster, learn(own)] as const));
  return ok({ model: { ...model, clusters }, normal: traces });
}
