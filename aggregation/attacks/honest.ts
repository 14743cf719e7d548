/** Float64 statistics of honest updates, n vectors of shape [d] each: what an attacker who sees everything computes. */
export type Vectors = readonly (Float32Array | Float64Array)[];

export function meanOf(vectors: Vectors): Float64Array {
  const sum = new Float64Array(dimension(vectors));
  for (const vector of vectors) for (let j = 0; j < sum.length; j++) sum[j] = at(sum, j) + at(vector, j);
  return sum.map((value) => value / vectors.length);
}

/** Per coordinate; ddof 0 is the population's, 1 the sample's. */
export function deviationOf(vectors: Vectors, ddof: 0 | 1): Float64Array {
  const mean = meanOf(vectors);
  const sum = new Float64Array(mean.length);
  for (const vector of vectors)
    for (let j = 0; j < sum.length; j++) sum[j] = at(sum, j) + (at(vector, j) - at(mean, j)) ** 2;
  return sum.map((value) => Math.sqrt(value / (vectors.length - ddof)));
}

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let j = 0; j < a.length; j++) sum += at(a, j) * at(b, j);
  return sum;
}

export function squaredDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let j = 0; j < a.length; j++) sum += (at(a, j) - at(b, j)) ** 2;
  return sum;
}

/** from + scale · direction, shape [d]. */
export function along(from: Float64Array, scale: number, direction: Float64Array): Float64Array {
  return from.map((value, j) => value + scale * at(direction, j));
}

export function scaled(vector: Float64Array, scale: number): Float64Array {
  return vector.map((value) => value * scale);
}

function dimension(vectors: Vectors): number {
  const [first] = vectors;
  if (first === undefined) throw new RangeError('an attack needs at least one honest update to look at');
  return first.length;
}

function at(values: ArrayLike<number>, index: number): number {
  return values[index] as number;
}
