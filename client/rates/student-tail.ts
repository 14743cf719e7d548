import { normalTail } from './normal-tail.ts';

/**
 * The share of Student's distribution above t, by Wallace's normal deviate (Annals of Mathematical Statistics 30, 1959). Down to one in a
 * million within a tenth of it from nine degrees of freedom on, which rates have from ten minutes on.
 */
export function studentTail(t: number, degrees: number): number {
  const scale = (8 * degrees + 1) / (8 * degrees + 3);
  return normalTail(Math.sign(t) * scale * Math.sqrt(degrees * Math.log1p((t * t) / degrees)));
}
