import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Repeats } from '../../base/delivery/repeats.ts';
import { anAlert, knownAttack } from './testing/alerts.ts';
import { alertWording } from './wording.ts';

describe('Repeats', () => {
  it('tells the same of one workload once, and its number when the window ends', () => {
    const repeats = new Repeats(1_000, alertWording.keyOf);
    expect(repeats.take(anAlert('1'), 0)).toEqual({ item: anAlert('1'), repeats: 1 });
    expect(repeats.take(anAlert('2'), 10)).toBeUndefined();
    expect(repeats.take(anAlert('3'), 20)).toBeUndefined();
    expect(repeats.take(anAlert('4', 'db'), 30)?.repeats).toBe(1);
    expect(repeats.take(knownAttack('5'), 30)?.repeats).toBe(1); // Of another family: news.
    expect(repeats.nextMs).toBe(1_000);
    expect(repeats.ended(999)).toEqual([]);
    expect(repeats.ended(1_000)).toEqual([{ item: anAlert('3'), repeats: 2 }]);
    expect(repeats.take(anAlert('6'), 1_001)?.repeats).toBe(1);
  });

  it('loses none: what is told stands for as many as were raised', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.nat(400))), (raised) => {
        const repeats = new Repeats(1_000, alertWording.keyOf);
        let nowMs = 0;
        let told = 0;
        for (const [workload, afterMs] of raised) {
          nowMs += afterMs;
          told += repeats.take(anAlert(String(nowMs), workload), nowMs)?.repeats ?? 0;
          for (const outgoing of repeats.ended(nowMs)) told += outgoing.repeats;
        }
        for (const outgoing of repeats.ended(0, true)) told += outgoing.repeats;
        expect(told).toBe(raised.length);
      }),
    );
  });
});
