import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { padId } from '../../../events/vocabulary.ts';
import { copyWindow, windowKey, windowStarts } from './call-windows.ts';

describe('windowStarts', () => {
  it('puts every call into a window, never one window twice, and no window beyond the end', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 40 }),
        (calls, length, stride) => {
          fc.pre(stride <= length);
          const starts = [...windowStarts(calls, { length, stride })];
          const covered = new Set(starts.flatMap((start) => Array.from({ length }, (_, i) => start + i)));
          for (let call = 0; call < calls; call++) expect(covered.has(call)).toBe(true);
          expect(new Set(starts).size).toBe(starts.length);
          expect(starts.every((start) => start === 0 || start + length <= calls)).toBe(true);
        },
      ),
    );
  });

  it('gives a short trace one padded window and an empty trace none', () => {
    expect([...windowStarts(1, { length: 20, stride: 10 })]).toEqual([0]);
    expect([...windowStarts(0, { length: 20, stride: 10 })]).toEqual([]);
    const into = new Int32Array(5).fill(7);
    copyWindow(Uint16Array.of(3, 4), 0, 4, into, 1);
    expect([...into]).toEqual([7, 3, 4, padId, padId]);
  });
});

describe('windowKey', () => {
  it('tells windows apart exactly as their copies differ, also where they begin or end outside the trace', () => {
    const ids = fc.uint8Array({ minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(ids, ids, fc.integer({ min: -9, max: 14 }), fc.integer({ min: 1, max: 8 }), (a, b, start, length) => {
        const copyOf = (calls: Uint16Array) => {
          const copy = new Int32Array(length);
          copyWindow(calls, start, length, copy, 0);
          return copy;
        };
        const [one, other] = [Uint16Array.from(a), Uint16Array.from(b)];
        expect(windowKey(one, start, length)).toHaveLength(length);
        expect(windowKey(one, start, length) === windowKey(other, start, length)).toBe(
          copyOf(one).join() === copyOf(other).join(),
        );
      }),
    );
  });
});
