import type { AggregationEngine } from '../../aggregation/engine.ts';
import { twinEngine } from '../../aggregation/engines/twin-engine.ts';

/** Below this many values in all updates together, starting kernels costs more than the slow engine takes. */
const kernelValuesMin = 200_000;

const twin = twinEngine();
let fast: Promise<AggregationEngine> | undefined;

/** Both engines give the same bits: which one runs is a matter of time alone. The fast one stays warm. */
export async function engineFor(values: number): Promise<AggregationEngine> {
  if (values < kernelValuesMin) return twin;
  fast ??= import('../../aggregation/engines/fast-engine.ts').then(({ fastEngine }) => fastEngine());
  return fast;
}
