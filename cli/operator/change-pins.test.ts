import { expect, it } from 'vitest';
import { parseClusterId, parseTrackId } from '../../proto/ids.ts';
import type { Pin } from '../../proto/release/documents/catalogue.ts';
import { leftOutText } from './change-pins.ts';

it('names pins that a new set leaves out, and says by which clock they have ended', () => {
  const nowMs = Date.parse('2026-12-01T12:00:00Z');
  const pin = (pinId: string, untilMs: number | null): Pin => ({
    ...{ pinId, track: parseTrackId('syscall'), subject: { cluster: parseClusterId('a') }, version: 1 },
    ...{ untilMs, belowFloor: false, reason: 'test', setBy: 'ada' },
  });
  const [lasting, open, ended] = [pin('one', null), pin('two', nowMs + 1), pin('three', nowMs - 60_000)];
  expect(leftOutText([lasting, open], nowMs)).toBeUndefined();
  expect(leftOutText([lasting, ended, open], nowMs)).toBe(
    "left out, for by this machine's clock they have ended: pin three (until 2026-12-01T11:59:00Z)",
  );
});
