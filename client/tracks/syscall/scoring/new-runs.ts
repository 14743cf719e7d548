/** How much of a trace nobody did before: runs of calls that neither the federation nor the cluster's own past knows. */
import { padId } from '../../../events/vocabulary.ts';
import type { LocalFindings } from '../memory/local-memory.ts';
import { step } from '../traces/call-hash.ts';
import { SlotCounts } from '../two-views/slot-counts.ts';
import type { SharedFindings } from './trace-score.ts';

/** Calls of a run, for who has a past of its own and for who has none; chosen with the weights of their shares (trace-score.ts). */
const runLengths = { withPast: 4, alone: 6 } as const;

/** Of the trace at hand. */
const seen = new SlotCounts();

/**
 * How many distinct runs of so many calls a trace has, and how many of them are new. What a loop repeats counts once: a
 * thousand turns of it say no more than one. Runs that the start cuts short begin with one padding. known: of each call the longest known
 * run that ends there, shape [calls], of everyone who knows runs. onNew: told where each new one ends, in order.
 */
export function countRuns(
  calls: Uint16Array,
  known: readonly Uint8Array[],
  runCalls: number,
  onNew?: (place: number) => void,
): Readonly<{ fresh: number; distinct: number }> {
  let fresh = 0;
  seen.clear();
  for (let place = 0; place < calls.length; place++) {
    let hash = 0;
    for (let at = place - runCalls + 1; at <= place; at++) hash = step(hash, at < 0 ? padId : (calls[at] as number));
    const before = seen.size;
    seen.add(hash >>> 1);
    if (seen.size === before) continue;
    const length = Math.min(runCalls, place + 2);
    if (known.some((runs) => (runs[place] as number) >= length)) continue;
    fresh++;
    onNew?.(place);
  }
  return { fresh, distinct: seen.size };
}

/** The share of a trace's distinct runs that are new, 0 … 1; 0 for a trace without calls. As `countRuns`. */
export function newRuns(
  calls: Uint16Array,
  known: readonly Uint8Array[],
  runCalls: number = runLengths.withPast,
): number {
  const { fresh, distinct } = countRuns(calls, known, runCalls);
  return distinct === 0 ? 0 : fresh / distinct;
}

/** The share of new runs; 0 where nobody knows runs. */
export function freshIn(calls: Uint16Array, shared: SharedFindings, local: LocalFindings | undefined): number {
  const { known, length } = runsIn(shared, local);
  return known.length === 0 ? 0 : newRuns(calls, known, length);
}

/** Who knows runs, and of how many calls; nobody where the federated model is heard and tells none: what it alone knows would be new. */
export function runsIn(shared: SharedFindings, local: LocalFindings | undefined) {
  const isUntold = shared.surprisal !== undefined && shared.knownRuns === undefined;
  const known = [shared.knownRuns, local?.knownRuns].filter((runs) => runs !== undefined);
  return { known: isUntold ? [] : known, length: local === undefined ? runLengths.alone : runLengths.withPast };
}
