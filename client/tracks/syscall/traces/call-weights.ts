/**
 * How much each call counts in a trace's score, by inverse document frequency: a call that few of a workload's normal
 * processes make weighs more than one that all make, so that usual calls around hostile ones hide less of them (mimicry).
 * Smoothed as scikit-learn does, ln((1 + N) / (1 + n)) + 1, so that a call never seen has a finite weight. A call's number
 * of occurrences is the other half of TF-IDF: each is summed. Learnt in a cluster from its own normal traces, never sent.
 */
import type { Observed } from '../../detector.ts';
import type { WorkloadClasses } from './workload-classes.ts';

export class CallWeights {
  /** By class id. */
  readonly #known = new Map<number, { traces: number; holding: Map<number, number> }>();

  constructor(classes: WorkloadClasses, traces: Iterable<Observed>) {
    for (const { calls, service } of traces) {
      const classId = classes.idOf(service);
      const known = this.#known.get(classId) ?? { traces: 0, holding: new Map<number, number>() };
      this.#known.set(classId, known);
      known.traces++;
      for (const call of new Set(calls)) known.holding.set(call, (known.holding.get(call) ?? 0) + 1);
    }
  }

  /** Weights of a trace's calls, shape [calls]; 1 each for a class without traces. */
  of(calls: Uint16Array, classId: number): Float32Array {
    return this.#weights(calls, classId, 0);
  }

  /** As `of`, as if the trace, one of those that were learnt, had not been. */
  without(calls: Uint16Array, classId: number): Float32Array {
    return this.#weights(calls, classId, 1);
  }

  #weights(calls: Uint16Array, classId: number, left: number): Float32Array {
    const known = this.#known.get(classId);
    if (known === undefined) return new Float32Array(calls.length).fill(1);
    const total = 1 + known.traces - left;
    return Float32Array.from(calls, (call) => Math.log(total / (1 + (known.holding.get(call) ?? left) - left)) + 1);
  }
}
