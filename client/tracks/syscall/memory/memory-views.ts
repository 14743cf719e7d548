/** How a cluster's memory looks at its own traces: as the detector does whose model it stands beside. */
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import { defaultSlotCount, GramCounts, gramSurprisal as gramTableSurprisal } from '../gram-table/gram-table.ts';
import { GramEvidence, gramSurprisal } from '../two-views/gram-evidence.ts';
import { defaultGramSlots, twoViewsArchitecture } from '../two-views/two-views-spec.ts';

/** Counts of grams in distinct traces. */
export type EvidenceCounts = Readonly<{
  /** False when the same calls of the same class were learnt before. */
  learn(calls: Uint16Array, classId: number): boolean;
  /** Shape [slots]. */
  evidence(): Float32Array;
  /** Runs `use` on the evidence, changed for the while, without what this trace contributed. */
  without<Result>(evidence: Float32Array, calls: Uint16Array, classId: number, use: () => Result): Result;
}>;

export type MemoryViews = Readonly<{
  counts(): EvidenceCounts;
  /** Whether `surprisal` fills `knownRuns`. */
  knowsRuns: boolean;
  /** −ln p of each call, nats, shape [calls]; `knownRuns` as of `OpenDetector.surprisalAndRuns`. */
  surprisal(evidence: Float32Array, calls: Uint16Array, classId: number, knownRuns?: Uint8Array): Float32Array;
}>;

const twoViews: MemoryViews = {
  counts: () => new GramEvidence(defaultGramSlots),
  knowsRuns: true,
  surprisal: gramSurprisal,
};

const gramTable: MemoryViews = {
  counts: () => new GramCounts(defaultSlotCount),
  knowsRuns: false,
  surprisal: gramTableSurprisal,
};

export function memoryViewsOf({ architecture }: Pick<ModelSpec, 'architecture'>): MemoryViews {
  return architecture === twoViewsArchitecture ? twoViews : gramTable;
}
