import { durationText } from './duration.ts';

/** aheadMs: this machine's clock minus the coordinator's. */
export function clockSentence(aheadMs: number): string {
  const way = aheadMs > 0 ? 'ahead of' : 'behind';
  return `this machine's clock is ${durationText(Math.abs(aheadMs))} ${way} the coordinator's: set the one that is wrong`;
}
