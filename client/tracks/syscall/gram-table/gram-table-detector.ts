import type { ModelSpec } from '../../../../proto/model-spec.ts';
import { type Detector, meanSurprisal } from '../../detector.ts';
import { evidenceOf, gramSurprisal, gramTableClasses, initialGramTable, trainGramTable } from './gram-table.ts';

/** Traces that a gram table's loss is measured on: it is for display only. */
const lossTracesMax = 100;

/** The gram table as a detector. Throws a RangeError for a spec that is not one of this version. */
export function gramTableDetector(spec: ModelSpec): Detector {
  const classes = gramTableClasses(spec);
  const detector: Detector = {
    spec,
    init: () => initialGramTable(spec),
    // The base does not matter: the local weights are the evidence at hand, and the delta pulls the federation there.
    train(_base, traces) {
      const { weights, examples } = trainGramTable(spec, traces);
      return {
        weights,
        steps: 0,
        examples,
        loss: meanSurprisal(detector.open(weights), traces.slice(0, lossTracesMax)),
      };
    },
    open(weights) {
      const evidence = evidenceOf(spec, weights);
      return {
        surprisal: (traces) =>
          traces.map(({ calls, service }) => gramSurprisal(evidence, calls, classes.idOf(service))),
        close() {},
      };
    },
  };
  return detector;
}
