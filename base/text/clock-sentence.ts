import { durationText } from './duration.ts';

/** Certificates are backdated by this much, milliseconds: clocks that differ by less are good enough, and nobody is told. */
export const clockToleranceMs = 5 * 60_000;

/** aheadMs: this machine's clock minus the coordinator's. */
export function clockSentence(aheadMs: number): string {
  const way = aheadMs > 0 ? 'ahead of' : 'behind';
  return `this machine's clock is ${durationText(Math.abs(aheadMs))} ${way} the coordinator's: set the one that is wrong`;
}
