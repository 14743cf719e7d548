import { type Admission, normCeiling, type RefusedUpdate } from './admission.ts';
import { type Aggregated, ok, refuse } from './fault.ts';
import { type AggregationPolicy, checkPolicy, type PreAggregation } from './policy.ts';

/** What the rule runs on: rows, the f that is assumed of them, and what is done to them before anything else. */
export type EnoughRows = Readonly<{ admission: Admission; f: number; before: readonly PreAggregation[] }>;

/**
 * The rows and the f that the rule runs with. Where the admitted rows are enough for the policy's f, nothing changes.
 * Where they are too few, one clumsy or hostile member must not stop the round, so two things are tried, in this order:
 *
 * 1. f falls by one for each update that no honest cluster can send (a value that is not finite, a norm above
 *    `normCeiling`, another shape where honest updates have one): its sender was one of the f, so at most f − 1 are among the others. The guarantee is the same.
 * 2. Updates that an honest cluster may send stay: zeros as they are, and, where they are at most f, those above `normMax`
 *    scaled down to it. A robust rule takes any f rows, so a row more never weakens it; it is only of less use. More than f
 *    oversized ones say that `normMax` is below what honest clusters learn, and that is refused by name.
 */
export function enoughRows(policy: AggregationPolicy, admission: Admission): Aggregated<EnoughRows> {
  const { before } = policy;
  const f = highestF(policy, admission);
  if (f !== undefined) return ok({ admission, f, before });
  // Where nobody has anything to say there is nothing to make a model from.
  if (admission.admitted.length === 0) return tooFew(policy, admission);
  const withKept = keepHonest(policy, admission);
  const lower = highestF(policy, withKept);
  if (lower === undefined) return tooFew(policy, admission);
  const oversized = withKept.kept.some(({ code }) => code === 'NORM_TOO_LARGE');
  const clip: PreAggregation = { kind: 'clip', norm: policy.admission.normMax };
  return ok({ admission: withKept, f: lower, before: oversized ? [clip, ...before] : before });
}

/** Whether a refused update shows that its sender is faulty: nothing that trained, on whatever data, is like it. */
function showsFault({ code, norm }: RefusedUpdate): boolean {
  return code === 'NON_FINITE' || code === 'SHAPE_WRONG' || (norm !== null && norm > normCeiling);
}

function highestF(policy: AggregationPolicy, { admitted, refused }: Admission): number | undefined {
  const fMin = Math.max(0, policy.f - refused.filter(showsFault).length);
  for (let f = policy.f; f >= fMin; f--) {
    if (checkPolicy({ ...policy, f }, admitted.length).length === 0) return f;
  }
  return undefined;
}

function keepHonest(policy: AggregationPolicy, admission: Admission): Admission {
  const oversized = admission.refused.filter((update) => update.code === 'NORM_TOO_LARGE' && !showsFault(update));
  const kept = admission.refused.filter(
    (update) => update.code === 'ZERO_UPDATE' || (oversized.length <= policy.f && oversized.includes(update)),
  );
  const admitted = [...admission.admitted, ...kept.map(({ row }) => row)].sort((a, b) => a - b);
  return {
    ...admission,
    admitted,
    kept: kept.map(({ row, code }) => ({ row, code })),
    refused: admission.refused.filter((update) => !kept.includes(update)),
    squaredNorms: Float64Array.from(admitted, admission.squaredNormOfRow),
  };
}

function tooFew(policy: AggregationPolicy, { admitted, refused }: Admission): Aggregated<never> {
  const n = admitted.length;
  const [first] = checkPolicy(policy, n);
  if (first !== undefined && refused.length === 0) return { ok: false, fault: first };
  return refuse(
    'TOO_FEW_ADMITTED',
    `${refused.length} of ${n + refused.length} updates were refused (${countsOf(refused)}), and the rest is too little: ${first?.message}`,
    { n: n + refused.length, admitted: n, f: policy.f },
  );
}

function countsOf(refused: readonly RefusedUpdate[]): string {
  const codes = [...new Set(refused.map(({ code }) => code))].sort();
  return codes.map((code) => `${refused.filter((update) => update.code === code).length} ${code}`).join(', ');
}
