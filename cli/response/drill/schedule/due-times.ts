import { createHmac } from 'node:crypto';
import type { EpochMs } from '../../../../base/time.ts';
import { hoursAt } from '../../../../client/response/rotation/hours.ts';
import type { RotationConfig } from '../../../../client/response/rotation/rotation-config.ts';

/** When drills run: each once in every period, at a time that nobody without the key can foretell. */
export type DrillRule = Readonly<{
  key: Buffer;
  drills: readonly string[];
  /** Periods begin at multiples of it since 1970. */
  periodMs: number;
  /** Hours in which drills may begin, in UTC; always where there is none. */
  windows: RotationConfig['windows'];
}>;

export type Turn = Readonly<{ drill: string; atMs: EpochMs }>;

/** More turns than this are not reckoned back: whoever was away so long has lost more than them. */
const turnsMax = 1_000;

/** The first turn of any drill after `nowMs`; undefined where the hours never let one begin. */
export function nextTurn(rule: DrillRule, nowMs: EpochMs): Turn | undefined {
  const period = Math.floor(nowMs / rule.periodMs);
  // Hours repeat by the week: what has no turn in so many periods has none ever.
  const ahead = Math.ceil((8 * 86_400_000) / rule.periodMs) + 1;
  for (let at = period; at <= period + ahead; at += 1) {
    const turns = rule.drills.flatMap((drill) => turnIn(rule, drill, at) ?? []);
    const next = turns.filter(({ atMs }) => atMs > nowMs).sort((a, b) => a.atMs - b.atMs)[0];
    if (next !== undefined) return next;
  }
  return undefined;
}

/** Turns after `fromMs` and not after `toMs`, oldest first; the latest of them where there are too many. */
export function turnsBetween(rule: DrillRule, fromMs: EpochMs, toMs: EpochMs): readonly Turn[] {
  const last = Math.floor(toMs / rule.periodMs);
  const first = Math.max(Math.floor(fromMs / rule.periodMs), last - Math.ceil(turnsMax / rule.drills.length));
  const turns: Turn[] = [];
  for (let at = first; at <= last; at += 1)
    turns.push(...rule.drills.flatMap((drill) => turnIn(rule, drill, at) ?? []));
  return turns.filter(({ atMs }) => atMs > fromMs && atMs <= toMs).sort((a, b) => a.atMs - b.atMs);
}

/** Uniform over the open time of the period: the law that is hardest to foretell. */
function turnIn({ key, periodMs, windows }: DrillRule, drill: string, period: number): Turn | undefined {
  const spans = openSpans(windows, period * periodMs, (period + 1) * periodMs);
  const openMs = spans.reduce((sum, [fromMs, toMs]) => sum + toMs - fromMs, 0);
  if (openMs === 0) return undefined;
  const mac = createHmac('sha256', key).update(`testudo drill\n${drill}\n${period}`).digest();
  let leftMs = Math.floor((mac.readUIntBE(0, 6) / 2 ** 48) * openMs);
  for (const [fromMs, toMs] of spans) {
    if (leftMs < toMs - fromMs) return { drill, atMs: fromMs + leftMs };
    leftMs -= toMs - fromMs;
  }
  return undefined;
}

function openSpans(windows: DrillRule['windows'], fromMs: EpochMs, toMs: EpochMs): [EpochMs, EpochMs][] {
  const spans: [EpochMs, EpochMs][] = [];
  for (let at = fromMs; at < toMs; ) {
    const { closed, untilMs } = hoursAt({ windows, freezes: [] }, at);
    const end = Math.min(untilMs ?? toMs, toMs);
    if (closed === null) spans.push([at, end]);
    at = end;
  }
  return spans;
}
