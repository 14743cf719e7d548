import { isBenign } from '../../client/events/trace.ts';
import { WorkloadClasses } from '../../client/tracks/syscall/traces/workload-classes.ts';
import { learnTwoViews } from '../../client/tracks/syscall/two-views/two-views.ts';
import { twoViewsSpec } from '../../client/tracks/syscall/two-views/two-views-spec.ts';
import type { RigModel } from '../../lab/testing/node-rig.ts';
import { recordedTraces } from '../harness/recorded-traces.ts';

/** A federation's default model of the recorded workloads, as a coordinator would have released it; of few traces for a small size. */
export async function recordedModel(small = false): Promise<RigModel> {
  const usable = (await recordedTraces()).filter((trace) => isBenign(trace) && trace.calls.length > 0);
  const traces = small ? usable.slice(0, 100) : usable;
  const spec = twoViewsSpec(new WorkloadClasses([...new Set(traces.map(({ service }) => service))].sort()));
  return {
    spec,
    weights: (version: number) => learnTwoViews(spec, traces.slice(0, traces.length - (version % 7))).weights,
  };
}
