import { layoutOf } from '../../../../proto/layout.ts';
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import { type Detector, meanSurprisal } from '../../detector.ts';
import { learnTwoViews, openTwoViews } from './two-views.ts';
import { twoViewsSizes } from './two-views-spec.ts';

/** Traces that the loss is measured on: it is for display only. */
const lossTracesMax = 100;

/** The two views as a detector. Throws a RangeError for a spec that is not one of this version. */
export function twoViewsDetector(spec: ModelSpec): Detector {
  twoViewsSizes(spec);
  const detector: Detector = {
    spec,
    init: () => new Float32Array(layoutOf(spec).length),
    // The base does not matter: the local weights are the evidence at hand, and the delta pulls the federation there.
    train(_base, traces) {
      const { weights, examples } = learnTwoViews(spec, traces);
      const opened = detector.open(weights);
      return { weights, steps: 0, examples, loss: meanSurprisal(opened, traces.slice(0, lossTracesMax)) };
    },
    open(weights) {
      const views = openTwoViews(spec, weights);
      return {
        surprisal: (traces) => traces.map((trace) => views.surprisal(trace)),
        surprisalAndRuns: (trace) => views.surprisalAndRuns(trace),
        setDistance: (trace, steadied) => views.setDistance(trace, steadied),
        setResiduals: (trace, steadied) => views.setResiduals(trace, steadied),
        close() {},
      };
    },
  };
  return detector;
}
