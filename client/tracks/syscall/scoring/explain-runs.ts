import { nameOfCallId } from '../../../events/vocabulary.ts';
import { countRuns } from './new-runs.ts';

/** Why runs of calls count: how many distinct ones a trace has, how many of them are new, and the first of those. */
export type RunsExplanation = Readonly<{
  /** Calls of a run. */
  length: number;
  distinct: number;
  fresh: number;
  first: Readonly<{ position: number; names: readonly string[] }>;
}>;

/** Undefined where none is new. As `countRuns`. */
export function explainRuns(
  calls: Uint16Array,
  known: readonly Uint8Array[],
  runCalls: number,
): RunsExplanation | undefined {
  let position: number | undefined;
  const counts = countRuns(calls, known, runCalls, (place) => {
    position ??= place;
  });
  if (position === undefined) return undefined;
  const names = Array.from(calls.subarray(Math.max(0, position - runCalls + 1), position + 1), nameOfCallId);
  return { length: runCalls, ...counts, first: { position, names } };
}

/** For people. */
export function runsText({ length, distinct, fresh, first }: RunsExplanation): string {
  return `runs of ${length} calls that nobody did before: ${fresh} of ${distinct}; the first ends at ${first.position}: ${first.names.join(' ')}`;
}
