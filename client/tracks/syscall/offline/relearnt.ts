import { ok, type Result, refuse } from '../../../../base/fault.ts';
import { contentKey, isBenign, type Trace } from '../../../events/trace.ts';
import { readTraceFile, type TraceFileOptions } from '../../../recordings/trace-file.ts';
import { learnClusterState, type SyscallModel, SyscallScorer } from '../scoring/scoring.ts';

export type RelearntFaultCode = 'OPTION_WRONG' | 'TRACE_FILE_UNREADABLE' | 'TRACE_FILE_CUT_SHORT';

/** normal: the traces of what was learnt, repeats of one content among them. */
type Relearnt = Readonly<{ model: SyscallModel; normal: readonly Trace[] }>;

/**
 * Opens scorers that have learnt some traces of a cluster and no others. Undefined for a cluster of which the model remembers
 * nothing: there is nothing that it could have learnt.
 */
export function learnAlone(model: SyscallModel, callWeights: 'none' | 'tfidf', cluster: string) {
  if (!model.clusters.has(cluster)) return undefined;
  const { detector, weights } = model;
  return (normal: readonly Trace[]) => {
    const state = learnClusterState(detector, weights, normal, callWeights);
    return new SyscallScorer({ detector, weights, clusters: new Map([[cluster, state]]) });
  };
}

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
  const clusters = new Map([...byCluster].map(([cluster, own]) => [cluster, learn(distinct(own))] as const));
  return ok({ model: { ...model, clusters }, normal: traces });
}

/** Traces of one cluster, each content of a service once: as a client's buffer keeps them. */
export function distinct(traces: readonly Trace[]): Trace[] {
  const seen = new Set<string>();
  return traces.filter(({ service, calls }) => {
    const key = `${service}\n${contentKey(calls)}`;
    return !seen.has(key) && seen.add(key);
  });
}
