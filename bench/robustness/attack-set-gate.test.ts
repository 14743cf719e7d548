import { describe, expect, it } from 'vitest';
import { passesGate } from './attack-set-gate.ts';

describe('passesGate', () => {
  it.each([3, 6, 8])(
    'lets through what finds as much, and holds what overlooks one case of ten, with %i of 20 lying',
    (f) => {
      expect(passesGate(20, f, { cases: 10, live: 9, candidate: 9 })).toBe(true);
      expect(passesGate(20, f, { cases: 10, live: 9, candidate: 10 })).toBe(true);
      expect(passesGate(20, f, { cases: 10, live: 9, candidate: 8 })).toBe(false);
    },
  );
});
