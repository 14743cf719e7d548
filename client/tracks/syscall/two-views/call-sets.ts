/**
 * The view of sets: which calls occur together in a normal trace of a class. One symmetric matrix Σ x̂x̂ᵀ per class, x̂ the
 * unit vector of which calls are present, over distinct sets; kept as its diagonal and, hashed, its pairs. EASE (Steck, "Embarrassingly
 * Shallow Autoencoders for Sparse Data", WWW 2019) makes of it, in closed form, how well each call follows from the others.
 */
import { vocabulary } from '../../../events/vocabulary.ts';
import { classHash } from '../traces/call-hash.ts';
import { pairSlot } from './hash.ts';

/** Calls that occur in a trace, ascending. */
export function callSet(calls: Uint16Array): Uint16Array {
  return Uint16Array.from(new Set(calls)).sort();
}

/** Sums of distinct traces' sets. */
export class CallSetSums {
  /** Shape [classes, vocabulary]. */
  readonly calls: Float32Array;
  /** Shape [pair slots]. */
  readonly pairs: Float32Array;

  constructor(classCount: number, pairSlots: number) {
    this.calls = new Float32Array(classCount * vocabulary.length);
    this.pairs = new Float32Array(pairSlots);
  }

  learn(calls: Uint16Array, classId: number): void {
    const present = callSet(calls);
    const share = 1 / present.length;
    const ofClass = classHash(classId);
    for (let at = 0; at < present.length; at++) {
      const call = present[at] as number;
      const row = classId * vocabulary.length + call;
      this.calls[row] = (this.calls[row] as number) + share;
      for (let before = 0; before < at; before++) {
        const slot = pairSlot(ofClass, present[before] as number, call, this.pairs.length);
        this.pairs[slot] = (this.pairs[slot] as number) + share;
      }
    }
  }
}
