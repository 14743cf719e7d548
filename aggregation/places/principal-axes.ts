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
  const vT = new Float64Array(k * k); // The axes are its rows: what one rotation reads lies together.
  for (let at = 0; at < k; at++) vT[at * k + at] = 1;
  for (let sweep = 0; sweep < sweepsMax && isUnfinished(a, k); sweep++) {
    for (let p = 0; p < k - 1; p++) for (let q = p + 1; q < k; q++) rotate(a, vT, k, p, q);
  }
  const order = Array.from({ length: k }, (_, at) => at).sort(
    (p, q) => (a[q * k + q] as number) - (a[p * k + p] as number) || p - q,
  );
  const [first = 0, second = 0] = order;
  let total = 0;
  for (let at = 0; at < k; at++) total += matrix[at * k + at] as number;
  return {
    axes: [axisOf(vT, k, first), axisOf(vT, k, second)],
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

/** Makes a[p, q] zero. Pairs are never made arrays of: collecting 3 million of them a matrix took six times as long as the mathematics. */
function rotate(a: Float64Array, vT: Float64Array, k: number, p: number, q: number): void {
  const apq = a[p * k + q] as number;
  if (apq === 0) return;
  const theta = ((a[q * k + q] as number) - (a[p * k + p] as number)) / (2 * apq);
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
  const c = 1 / Math.sqrt(t * t + 1);
  const s = t * c;
  for (let i = p, j = q; j < k * k; i += k, j += k) turn(a, i, j, c, s);
  const end = p * k + k;
  for (let i = p * k, j = q * k; i < end; i++, j++) {
    turn(a, i, j, c, s);
    turn(vT, i, j, c, s);
  }
}

function turn(values: Float64Array, i: number, j: number, c: number, s: number): void {
  const x = values[i] as number;
  const y = values[j] as number;
  values[i] = c * x - s * y;
  values[j] = s * x + c * y;
}

function axisOf(vT: Float64Array, k: number, row: number): Float64Array {
  const axis = vT.slice(row * k, (row + 1) * k);
  let largest = 0;
  for (let at = 1; at < k; at++) if (Math.abs(axis[at] as number) > Math.abs(axis[largest] as number)) largest = at;
  return (axis[largest] as number) < 0 ? axis.map((value) => -value) : axis;
}
