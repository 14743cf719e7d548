import type { Trace } from '../../client/events/trace.ts';
import type { Detector, Observed } from '../../client/tracks/detector.ts';
import { LocalMemory } from '../../client/tracks/syscall/memory/local-memory.ts';
import { memoryViewsOf } from '../../client/tracks/syscall/memory/memory-views.ts';
import { type ClusterState, calibrateCluster, classesOf } from '../../client/tracks/syscall/scoring/scoring.ts';

/** A cluster's local part beside one model, from its normal traces. */
export type LearnState = (weights: Float32Array, traces: readonly Trace[]) => ClusterState;

/**
 * Local parts of the same clusters beside one model after another. What a memory sees in a trace does not depend on the model, so each is
 * learnt once, and looks once. Lists of traces with the same names are the same.
 */
export function stateLearner(detector: Detector): LearnState {
  const memories = new Map<string, LocalMemory>();
  return (weights, traces) => {
    const key = traces.map(({ cluster, name }) => `${cluster} ${name}`).join();
    const memory =
      memories.get(key) ??
      remembering(LocalMemory.learn(memoryViewsOf(detector.spec), classesOf(detector.spec), traces));
    memories.set(key, memory);
    return { memory, calibrations: calibrateCluster(detector, weights, memory, traces) };
  };
}

function remembering(memory: LocalMemory): LocalMemory {
  const once = <Found>(look: (trace: Observed) => Found) => {
    const known = new Map<Observed, Found>();
    return (trace: Observed) => {
      const found = known.get(trace) ?? look(trace);
      known.set(trace, found);
      return found;
    };
  };
  memory.look = once(memory.look.bind(memory));
  memory.lookWithout = once(memory.lookWithout.bind(memory));
  return memory;
}
