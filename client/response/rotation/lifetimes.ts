/**
 * How long a pod lives, drawn by a keyed pseudo-random function of its uid: whoever has the key can say it, also after a
 * restart and also years later; nobody else can.
 */
import { createHash, createHmac } from 'node:crypto';
import type { EpochMs } from '../../../base/time.ts';

/** The law of lifetimes. All in milliseconds. */
export type Law = Readonly<{
  /** No lifetime is longer. */
  boundMs: number;
  /** Half of the bound gives the uniform law, which has the most entropy of all with that bound and mean; less a truncated
   * exponential, whose hazard is the steadiest. */
  meanMs: number;
}>;

/** F⁻¹(unit), in milliseconds; unit in [0, 1). */
export function lifetimeAt(unit: number, { boundMs, meanMs }: Law): number {
  const rate = rateOf(meanMs / boundMs);
  if (rate === 0) return unit * boundMs;
  return (-Math.log1p(-unit * -Math.expm1(-rate)) / rate) * boundMs;
}

/** Rates for a bound of 1, by mean: solved once for each law. */
const rates = new Map<number, number>();

/** λ of the exponential, cut off at 1, whose mean is this: 1/λ − 1/(e^λ − 1). 0 stands for the uniform law. */
function rateOf(mean: number): number {
  if (mean >= 0.5 - 1e-9) return 0;
  const known = rates.get(mean);
  if (known !== undefined) return known;
  let [low, high] = [1e-6, 1 / mean];
  for (let step = 0; step < 80; step += 1) {
    const rate = (low + high) / 2;
    if (1 / rate - 1 / Math.expm1(rate) > mean) low = rate;
    else high = rate;
  }
  rates.set(mean, low);
  return low;
}

/** Uniform in [0, 1): 53 bits of HMAC-SHA256. */
export function unitOf(key: Buffer, uid: string): number {
  const bytes = createHmac('sha256', key).update(uid).digest();
  return (bytes.readUInt32BE(0) * 2 ** 21 + (bytes.readUInt32BE(4) >>> 11)) / 2 ** 53;
}

/** Which epoch a moment lies in. A pod's lifetime is drawn with the key of the epoch in which it was created. */
export function epochOf(atMs: EpochMs, epochMs: number): number {
  return Math.floor(atMs / epochMs);
}

/** An epoch's key. From one epoch's key nobody finds another's, or the secret. */
export function epochKey(secret: Buffer, epoch: number): Buffer {
  return createHmac('sha256', secret).update(`testudo rotation epoch ${epoch}`).digest();
}

/** What is told of a key before it is used. */
export function commitmentTo(key: Buffer): string {
  return createHash('sha256').update('testudo rotation key\n').update(key).digest('hex');
}

/**
 * When an epoch's key may be told: no pod that was created in it can still have a due time before it, so what it reveals
 * is over.
 */
export function revealAtMs(epoch: number, epochMs: number, { boundMs }: Law): EpochMs {
  return (epoch + 1) * epochMs + boundMs;
}
