import { describe, expect, it } from 'vitest';
import { afterRefusal } from './release-story.ts';

const report = (shadow: number, live: number) => ({
  report: { shadowAlertCount: BigInt(shadow), liveAlertCount: BigInt(live) },
});

describe('afterRefusal', () => {
  it('overrides the gate where the version that runs alarms as much', () => {
    expect(afterRefusal([report(102, 101), report(20, 25)])).toEqual({
      isOverridden: true,
      why: '122 alarms where the version that runs raised 126',
    });
    expect(afterRefusal([report(7, 7)]).isOverridden).toBe(true);
  });

  it('lets a version stay out that alarms more, and one that nobody has reported on', () => {
    expect(afterRefusal([report(102, 90), report(20, 25)]).isOverridden).toBe(false);
    expect(afterRefusal([]).isOverridden).toBe(false);
    expect(afterRefusal([{}, report(0, 0)]).isOverridden).toBe(false);
  });
});
