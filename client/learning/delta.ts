import { randomBytes } from 'node:crypto';

/** trained - base, both shape [d], left untouched. Returns shape [d], float32, subtracted in float64. */
export function deltaOf(trained: Float32Array, base: Float32Array): Float32Array {
  if (trained.length !== base.length) throw new RangeError(`delta: ${trained.length} values against ${base.length}`);
  const delta = new Float32Array(trained.length);
  for (let index = 0; index < delta.length; index += 1) {
    delta[index] = (trained[index] as number) - (base[index] as number);
  }
  return delta;
}

/** L2 norm of shape [d], accumulated in float64. */
export function norm(values: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < values.length; index += 1) sum += (values[index] as number) * (values[index] as number);
  return Math.sqrt(sum);
}

/**
 * Scales `values` down to this L2 norm where they are longer, in place, and returns the norm before. 0 means no clipping.
 * Clipping is what gives the noise below its meaning: it bounds what one cluster can change (its sensitivity).
 */
export function clipToNorm(values: Float32Array, clipNorm: number): number {
  const before = norm(values);
  if (clipNorm > 0 && before > clipNorm) {
    const factor = clipNorm / before;
    for (let index = 0; index < values.length; index += 1) values[index] = (values[index] as number) * factor;
  }
  return before;
}

/** Uniform in (0, 1], 53 bits. */
export type UnitSource = () => number;

/**
 * Secret randomness for privacy noise. Never the plan's seed: the coordinator chose that one, and noise that it can
 * compute is noise that it can subtract.
 */
export function secretUnits(): UnitSource {
  let pool = Buffer.alloc(0);
  let offset = 0;
  return () => {
    if (offset + 8 > pool.length) {
      pool = randomBytes(65_536);
      offset = 0;
    }
    const high = pool.readUInt32LE(offset);
    const low = pool.readUInt32LE(offset + 4) >>> 11;
    offset += 8;
    return (high * 2 ** 21 + low + 1) / 2 ** 53;
  };
}

/**
 * Adds Gaussian noise of standard deviation `noiseStddev` to every value, in place (Box and Muller 1958). Not hardened
 * against an adversary who studies the low bits of the floating-point results (Mironov, CCS 2012).
 */
export function addGaussianNoise(values: Float32Array, noiseStddev: number, unit: UnitSource): void {
  for (let index = 0; index < values.length; index += 2) {
    const radius = noiseStddev * Math.sqrt(-2 * Math.log(unit()));
    const angle = 2 * Math.PI * unit();
    values[index] = (values[index] as number) + radius * Math.cos(angle);
    if (index + 1 < values.length) values[index + 1] = (values[index + 1] as number) + radius * Math.sin(angle);
  }
}
