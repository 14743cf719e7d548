/** The score of a trace by a federated model alone, and how far it is heard where a cluster has a past of its own. */
import type { Calibration } from '../memory/local-memory.ts';
import { freshIn } from './new-runs.ts';
import { readingOf } from './shared-findings.ts';
import { rawTraceScore, type SharedFindings } from './trace-score.ts';

/**
 * Of a normal trace's runs the share that the cluster's own past would not know without it, from which on the federation alone is heard too,
 * and at which as much as can be. Recorded workloads have 0.08 and less, by half of their traces 0.12; ADFA-LD's host, dealt out to five
 * clusters, 0.28 to 0.32. Limits between these are alike (docs/detection-study.md).
 */
const leaningFrom = 0.15;
const leaningWhole = 0.25;
/** So much of the score is the federation's then: all of it finds no more there, and nothing of what the cluster alone knows. */
const leaningMost = 0.75;

/** Before calibration. found: with a steadied set (`OpenDetector.setDistance`). */
export function aloneScore(calls: Uint16Array, found: SharedFindings): number {
  return rawTraceScore(found, undefined, { fresh: freshIn(calls, found, undefined) });
}

/**
 * How far a workload's scores lean on the federation alone, 0 … 1: where each normal trace does much that the cluster's own past never saw, as
 * on a host of many programs, that past has little to say. To workloads of few traces `ownNew` says less than it is.
 */
export function leaning(calibration: Calibration | undefined): number {
  if (calibration?.ownNew === undefined || calibration.sharedHelps === false || readingOf(calibration) < 7) return 0;
  return Math.max(0, Math.min(1, (calibration.ownNew - leaningFrom) / (leaningWhole - leaningFrom)));
}

/** Of two scores above what is usual, by how far the first leans on the second. */
export function leant(beside: number, alone: number, share: number): number {
  return beside + leaningMost * share * (alone - beside);
}
