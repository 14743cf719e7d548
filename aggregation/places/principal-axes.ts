/** The two longest principal axes, unit vectors of shape [k], with their eigenvalues, longest first. */
export type PrincipalAxes = Readonly<{
  axes: readonly [Float64Array, Float64Array];
  values: readonly [number, number];
  /** The sum of all eigenvalues: the matrix's trace. */
  total: number;
}>;

/** Cyclic Jacobi converges quadratically: matrices of 64 need about eight sweeps. */
const sweepsMax = 50;

/**
 * Of a symmetric, positive semidefinite matrix, shape [k, k], of which the upper triangle is read. Cyclic Jacobi (Golub and Van Loan, "Matrix
 * Computations", 8.5), in one order, so the same input gives the same bits. An axis points to where its largest component, the first of
 * equals, is positive.
 */
export function principalAxes(matrix: Float64Array, k: number): PrincipalAxes {
  const a = Float64Array.from(matrix);
  for (let row = 0; row < k; row++) for (let at = 0; at < row; at++) a[row * k + at] = a[at * k + row] as number;
  const v = new Float64Array(k * k);
  for (let at = 0; at < k; at++) v[at * k + at] = 1;
  for (let sweep = 0; sweep < sweepsMax && isUnfinished(a, k); sweep++) {
    for (let p = 0; p < k - 1; p++) for (let q = p + 1; q < k; q++) rotate(a, v, k, p, q);
  }
  const order = Array.from({ length: k }, (_, at) => at).sort(
    (p, q) => (a[q * k + q] as number) - (a[p * k + p] as number) || p - q,
  );
  const [first = 0, second = 0] = order;
  let total = 0;
  for (let at = 0; at < k; at++) total += matrix[at * k + at] as number;
  return {
    axes: [axisOf(v, k, first), axisOf(v, k, second)],
    values: [a[first * k + first] as number, a[second * k + second] as number],
    total,
  };
}

/** Whether what lies beside the diagonal is more than a part in 10^10 of what lies on it: axes are read to four digits. */
function isUnfinished(a: Float64Array, k: number): boolean {
  let [off, on] = [0, 0];
  for (let p = 0; p < k; p++) {
    on += (a[p * k + p] as number) ** 2;
    for (let q = p + 1; q < k; q++) off += (a[p * k + q] as number) ** 2;
  }
  return off > 1e-20 * on;
}

/** Makes a[p, q] zero. */
function rotate(a: Float64Array, v: Float64Array, k: number, p: number, q: number): void {
  const apq = a[p * k + q] as number;
  if (apq === 0) return;
  const theta = ((a[q * k + q] as number) - (a[p * k + p] as number)) / (2 * apq);
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
  const c = 1 / Math.sqrt(t * t + 1);
  const s = t * c;
  for (let at = 0; at < k; at++) {
    const [x, y] = [a[at * k + p] as number, a[at * k + q] as number];
    a[at * k + p] = c * x - s * y;
    a[at * k + q] = s * x + c * y;
  }
  for (let at = 0; at < k; at++) {
    const [x, y] = [a[p * k + at] as number, a[q * k + at] as number];
    a[p * k + at] = c * x - s * y;
    a[q * k + at] = s * x + c * y;
    const [m, n] = [v[at * k + p] as number, v[at * k + q] as number];
    v[at * k + p] = c * m - s * n;
    v[at * k + q] = s * m + c * n;
  }
}

function axisOf(v: Float64Array, k: number, column: number): Float64Array {
  const axis = Float64Array.from({ length: k }, (_, at) => v[at * k + column] as number);
  let largest = 0;
  for (let at = 1; at < k; at++) if (Math.abs(axis[at] as number) > Math.abs(axis[largest] as number)) largest = at;
  return (axis[largest] as number) < 0 ? axis.map((value) => -value) : axis;
}
