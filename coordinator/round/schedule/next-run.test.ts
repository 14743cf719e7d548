import { Cron } from 'croner';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseTrackId } from '../../../proto/ids.ts';
import { checkSchedule, nextRun } from './next-run.ts';

it('nextRun finds the same occurrence whatever it was asked before, forwards and back', () => {
  const patterns = ['30 0-18/6 * * *', '0 2 * * 1', '15 3 31 * *', '0 0 30 2 *', '*/7 * * * *'];
  const zones = ['UTC', 'Europe/Berlin', 'Pacific/Apia'];
  const track = parseTrackId('syscall');
  const day = 86_400_000;
  const moment = fc.oneof(
    fc.integer({ min: Date.UTC(2026, 9, 20), max: Date.UTC(2026, 10, 2) }),
    fc.integer({ min: 0, max: 40 }).map((hours) => Date.UTC(2026, 9, 25) + hours * 3_600_000),
    fc.integer({ min: 20_000, max: 21_000 }).map((days) => days * day),
  );
  const asked = fc.tuple(fc.constantFrom(...patterns), fc.constantFrom(...zones), moment);
  fc.assert(
    fc.property(fc.array(asked, { minLength: 2, maxLength: 12 }), (questions) => {
      for (const [cron, timeZone, afterMs] of questions) {
        const found = nextRun({ cron, timeZone, blackouts: [] }, track, [], afterMs, afterMs)?.occurrenceMs;
        const anew = new Cron(cron, { timezone: timeZone, paused: true }).nextRun(new Date(afterMs))?.getTime();
        expect(found).toBe(anew);
      }
    }),
    { numRuns: 60 },
  );
});

it.each(['0 2 * * 1', '  0  2\t*   * 1 ', '30 0 2 * * 1'])('a cron expression may be spaced in any way: %j', (cron) => {
  expect(checkSchedule({ cron, timeZone: 'Europe/Stockholm', blackouts: [] }).ok).toBe(true);
});
