import { describe, expect, it } from 'vitest';
import { hoursAt } from './hours.ts';

const at = (text: string) => Date.parse(text);
const night = { days: [1, 2, 3, 4, 5], from: '22:00', to: '04:00' };

describe('hoursAt', () => {
  it('is always open where nothing is said', () => {
    expect(hoursAt({ windows: [], freezes: [] }, at('2027-01-04T12:00:00Z'))).toEqual({ closed: null, untilMs: null });
  });

  it('opens a window on its days, past midnight too, and says when that changes', () => {
    const windows = [night]; // 2027-01-04 is a Monday.
    expect(hoursAt({ windows, freezes: [] }, at('2027-01-04T21:59:59Z'))).toEqual({
      closed: 'WINDOW',
      untilMs: at('2027-01-04T22:00:00Z'),
    });
    expect(hoursAt({ windows, freezes: [] }, at('2027-01-04T22:00:00Z')).closed).toBeNull();
    expect(hoursAt({ windows, freezes: [] }, at('2027-01-05T03:59:00Z'))).toEqual({
      closed: null,
      untilMs: at('2027-01-05T04:00:00Z'),
    });
    expect(hoursAt({ windows, freezes: [] }, at('2027-01-05T04:00:00Z')).closed).toBe('WINDOW');
    expect(hoursAt({ windows, freezes: [] }, at('2027-01-09T03:00:00Z')).closed).toBeNull(); // Friday's night.
    expect(hoursAt({ windows, freezes: [] }, at('2027-01-09T23:00:00Z')).closed).toBe('WINDOW');
  });

  it('lets a freeze win over a window', () => {
    const freezes = [{ from: '2027-01-04T22:30:00Z', to: '2027-01-04T23:00:00Z' }];
    const hours = { windows: [night], freezes };
    expect(hoursAt(hours, at('2027-01-04T22:10:00Z'))).toEqual({ closed: null, untilMs: at('2027-01-04T22:30:00Z') });
    expect(hoursAt(hours, at('2027-01-04T22:45:00Z'))).toEqual({
      closed: 'FROZEN',
      untilMs: at('2027-01-04T23:00:00Z'),
    });
  });
});
