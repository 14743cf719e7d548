import type { EpochMs } from '../../../base/time.ts';
import type { RotationConfig } from './rotation-config.ts';

type Hours = Pick<RotationConfig, 'windows' | 'freezes'>;

const dayMs = 86_400_000;

/** Whether the calendar lets rotations begin, and until when that is so at least. */
export function hoursAt(
  { windows, freezes }: Hours,
  now: EpochMs,
): Readonly<{ closed: 'FROZEN' | 'WINDOW' | null; untilMs: EpochMs | null }> {
  const edges: EpochMs[] = [];
  for (const { from, to } of freezes) {
    const [fromMs, toMs] = [Date.parse(from), Date.parse(to)];
    if (now >= fromMs && now < toMs) return { closed: 'FROZEN', untilMs: toMs };
    if (now < fromMs) edges.push(fromMs);
  }
  const spans = windows.flatMap((window) => spansOf(window, now));
  const isOpen = windows.length === 0 || spans.some(([fromMs, toMs]) => now >= fromMs && now < toMs);
  for (const edge of spans.flat()) if (edge > now) edges.push(edge);
  return { closed: isOpen ? null : 'WINDOW', untilMs: edges.length === 0 ? null : Math.min(...edges) };
}

/** This window from yesterday to a week from now. */
function spansOf({ days, from, to }: Hours['windows'][number], now: EpochMs): [EpochMs, EpochMs][] {
  const midnight = Math.floor(now / dayMs) * dayMs;
  const [fromMs, toMs] = [minuteOf(from) * 60_000, minuteOf(to) * 60_000];
  return Array.from({ length: 9 }, (_, at) => midnight + (at - 1) * dayMs)
    .filter((day) => days.includes(new Date(day).getUTCDay() || 7))
    .map((day) => [day + fromMs, day + toMs + (toMs <= fromMs ? dayMs : 0)]);
}

function minuteOf(clock: string): number {
  const [hours = 0, minutes = 0] = clock.split(':').map(Number);
  return hours * 60 + minutes;
}
