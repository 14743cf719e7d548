/** How much of a trace nobody did before: runs of calls that neither the federation nor the cluster's own past knows. */
import { padId } from '../../../events/vocabulary.ts';
import { step } from '../traces/call-hash.ts';
import { SlotCounts } from '../two-views/slot-counts.ts';

/** Calls of a run, for who has a past of its own and for who has none; chosen with the weights of their shares (trace-score.ts). */
export const runLengths = { withPast: 4, alone: 6 } as const;

/** Of the trace at hand. */
const seen = new SlotCounts();

/**
 * The share of a trace's distinct runs of so many calls that are new, 0 … 1; 0 for a trace without calls. What a loop repeats counts once: a
 * thousand turns of it say no more than one. Runs that the start cuts short begin with one padding. known: of each call the longest known
 * run that ends there, shape [calls], of everyone who knows runs.
 */
export function newRuns(
  calls: Uint16Array,
  known: readonly Uint8Array[],
  runCalls: number = runLengths.withPast,
): number {
  let fresh = 0;
  seen.clear();
  for (let place = 0; place < calls.length; place++) {
    let hash = 0;
    for (let at = place - runCalls + 1; at <= place; at++) hash = step(hash, at < 0 ? padId : (calls[at] as number));
    const before = seen.size;
    seen.add(hash >>> 1);
    if (seen.size === before) continue;
    const length = Math.min(runCalls, place + 2);
    if (known.every((runs) => (runs[place] as number) < length)) fresh++;
  }
  return calls.length === 0 ? 0 : fresh / seen.size;
}
