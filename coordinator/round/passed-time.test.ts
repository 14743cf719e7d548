import { expect, it } from 'vitest';
import type { RoundId, TrackId } from '../../proto/ids.ts';
import { PassedTime } from './passed-time.ts';
import type { RoundPhase } from './phase.ts';
import type { RoundRules } from './rules.ts';

const hourMs = 3_600_000;
const minuteMs = 60_000;
const track = 'syscall' as TrackId;
const rules = { recruitForMs: hourMs, collectForMs: 6 * hourMs, aggregateForMs: hourMs } as RoundRules;

/** A round that collects until then, and perhaps no longer than a grace. */
function collecting(closesAtMs: number, graceUntilMs?: number) {
  const phase = { kind: 'collecting', closesAtMs, ...(graceUntilMs !== undefined && { graceUntilMs }) } as RoundPhase;
  return { round: 'r-1' as RoundId, phase, rules };
}

function seenBy() {
  let passedMs = 0;
  const time = new PassedTime(() => passedMs);
  return { time, pass: (ms: number) => (passedMs += ms) };
}

it('ends no phase before its time where a process starts while the clock is ahead, and that is set right', () => {
  const { time, pass } = seenBy();
  const round = collecting(6 * hourMs); // Opened at 0, by a clock that was right.
  expect(time.timeFor(track, round, 6 * hourMs - minuteMs)).toBe(6 * hourMs - minuteMs); // It is one o'clock, in truth.
  for (let nowMs = hourMs; nowMs < 6 * hourMs; nowMs += minuteMs, pass(minuteMs)) {
    expect(time.timeFor(track, round, nowMs)).toBe(nowMs);
  }
});

it('ends a phase that the clock was ahead in when it has lasted as long as its rules say, also where a grace came and went', () => {
  const { time, pass } = seenBy();
  const aheadMs = 1_000 * hourMs;
  const [plain, graced] = [collecting(aheadMs + 6 * hourMs), collecting(aheadMs + 6 * hourMs, aheadMs + 2 * hourMs)];
  time.timeFor(track, plain, aheadMs);
  pass(3 * hourMs);
  expect(time.timeFor(track, graced, 3 * hourMs)).toBe(3 * hourMs);
  expect(time.timeFor(track, plain, 3 * hourMs)).toBe(3 * hourMs);
  pass(3 * hourMs);
  expect(time.timeFor(track, plain, 6 * hourMs)).toBe(6 * hourMs);
  pass(minuteMs);
  expect(time.timeFor(track, plain, 6 * hourMs + minuteMs)).toBe(aheadMs + 6 * hourMs);
});
