import { isBenign, type Trace } from '../../client/events/trace.ts';
import { areaUnderRoc } from '../../client/tracks/metrics.ts';

/** AUC of unseen traces, drift left out. */
export function aucOf(traces: readonly Trace[], scores: ArrayLike<number>): number {
  const pick = (wanted: (trace: Trace) => boolean) =>
    Array.from(scores).filter((_, index) => wanted(traces[index] as Trace));
  return areaUnderRoc(
    pick((trace) => isBenign(trace) && trace.family !== 'drift'),
    pick((trace) => !isBenign(trace)),
  );
}

/** The floor: share of a trace's grams of six that no training trace of its service (and cluster) holds. */
export function stideScores(
  training: readonly Trace[],
  traces: readonly Trace[],
  key: (trace: Trace) => string,
): number[] {
  const known = new Map<string, Set<string>>();
  for (const trace of training) {
    const own = known.get(key(trace)) ?? new Set();
    known.set(key(trace), own);
    for (const gram of gramsOf(trace.calls)) own.add(gram);
  }
  return traces.map((trace) => {
    let [unseen, all] = [0, 0];
    for (const gram of gramsOf(trace.calls)) {
      all++;
      if (!known.get(key(trace))?.has(gram)) unseen++;
    }
    return all === 0 ? 0 : unseen / all;
  });
}

function* gramsOf(calls: Uint16Array): Generator<string> {
  for (let end = 6; end <= calls.length; end++) yield String.fromCharCode(...calls.subarray(end - 6, end));
}
