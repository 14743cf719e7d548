import { twinAlgebra } from '../../aggregation/algebra/twin-algebra.ts';
import type { LinearAlgebra } from '../../aggregation/linear-algebra.ts';

/** Below this many values in all updates together, starting kernels costs more than the slow algebra takes. */
const kernelValuesMin = 200_000;

const twin = twinAlgebra();
let fast: Promise<LinearAlgebra> | undefined;

/** Both algebras give the same bits: which one runs is a matter of time alone. The fast one stays warm. */
export async function algebraFor(values: number): Promise<LinearAlgebra> {
  if (values < kernelValuesMin) return twin;
  fast ??= import('../../aggregation/algebra/fast-algebra.ts').then(({ fastAlgebra }) => fastAlgebra());
  return fast;
}
