import type { UpdateBlocks } from './blocks/blocks.ts';
import type { LinearAlgebra } from './linear-algebra.ts';
import { squaredNormsOf } from './updates.ts';

/**
 * No update of a model that trains is this long; and below it no distance overflows, neither in float64 nor in the
 * float32 products of fast algebras (1e15 squared is 1e30, float32 ends at 3.4e38).
 */
export const normCeiling = 1e15;

/** `normMax`: in units of the updates, at most `normCeiling`. `zeroUpdate`: what to do with one that moves nothing. */
export type AdmissionRules = Readonly<{ normMax: number; zeroUpdate: 'refuse' | 'admit' }>;

export type RefusalCode = 'NON_FINITE' | 'ZERO_UPDATE' | 'NORM_TOO_LARGE' | 'SHAPE_WRONG';

/** `norm` is null where there is none: some value is NaN or infinite. */
export type RefusedUpdate = Readonly<{ row: number; code: RefusalCode; norm: number | null; message: string }>;

/** A row that was to be refused and stays, because without it the rest is too few for f (`enoughRows`). */
export type KeptUpdate = Readonly<{ row: number; code: RefusalCode }>;

/**
 * Every row is in exactly one of `admitted` and `refused`, ascending. `kept`: those of the admitted that are there only
 * because the rest was too few. `squaredNorms`: exact, of the admitted, in their order; `squaredNormOfRow`: of any row.
 */
export type Admission = Readonly<{
  admitted: readonly number[];
  kept: readonly KeptUpdate[];
  refused: readonly RefusedUpdate[];
  squaredNorms: Float64Array;
  squaredNormOfRow: (row: number) => number;
}>;

/**
 * Looks at every update before any rule does: one NaN or infinity would decide a distance, an absurd norm a mean.
 * One pass over [n, d], O(n) memory.
 */
export async function admit(algebra: LinearAlgebra, source: UpdateBlocks, rules: AdmissionRules): Promise<Admission> {
  const squaredNorms = await squaredNormsOf(algebra, source);
  const refused: RefusedUpdate[] = [];
  const admitted: number[] = [];
  squaredNorms.forEach((squared, row) => {
    const refusal = refusalOf(Math.sqrt(squared), rules);
    if (refusal === undefined) admitted.push(row);
    else refused.push({ row, norm: Number.isFinite(squared) ? Math.sqrt(squared) : null, ...refusal });
  });
  const squaredNormOfRow = (row: number) => squaredNorms[row] as number;
  return { admitted, kept: [], refused, squaredNorms: Float64Array.from(admitted, squaredNormOfRow), squaredNormOfRow };
}

/** The same admission with more rows refused; `more` names rows that were admitted. */
export function refuseMore(admission: Admission, more: readonly RefusedUpdate[]): Admission {
  const gone = new Set(more.map(({ row }) => row));
  const admitted = admission.admitted.filter((row) => !gone.has(row));
  const refused = [...admission.refused, ...more].sort((a, b) => a.row - b.row);
  return { ...admission, admitted, refused, squaredNorms: Float64Array.from(admitted, admission.squaredNormOfRow) };
}

function refusalOf(norm: number, { normMax, zeroUpdate }: AdmissionRules) {
  // A float32 row's squared norm cannot overflow float64, so it is infinite or NaN only where a value is.
  if (!Number.isFinite(norm)) {
    return {
      code: 'NON_FINITE',
      message: 'holds NaN or an infinity; its training diverged or it is an attack',
    } as const;
  }
  if (norm > normMax) {
    return { code: 'NORM_TOO_LARGE', message: `norm ${norm.toPrecision(4)} is above the limit of ${normMax}` } as const;
  }
  if (norm === 0 && zeroUpdate === 'refuse') {
    return { code: 'ZERO_UPDATE', message: 'every value is zero; the cluster trained on nothing' } as const;
  }
  return undefined;
}
