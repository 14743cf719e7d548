import type { EpochMs } from '../../base/time.ts';
import type { Attention, AttentionCode, Severity } from '../views/attention.ts';
import { keyOf, type Notification, notificationOf } from './notification.ts';

/** A matter that stands, and what was told of it. */
export type KnownMatter = Readonly<{
  matter: Attention;
  sinceMs: EpochMs;
  /** null: not yet. */
  toldAtMs: EpochMs | null;
  toldSeverity: Severity | null;
}>;

const minuteMs = 60_000;
/** What stands is told again. */
export const remindMs = 24 * 60 * minuteMs;
/** What often passes by itself is told once it has stood for so long; everything else at once. */
const settleMs: Readonly<Partial<Record<AttentionCode, number>>> = {
  CLUSTER_AWAY: 5 * minuteMs,
  TOO_FEW_CLUSTERS: 5 * minuteMs,
  RELEASE_UNKNOWN: 5 * minuteMs,
  REDIS_AWAY: minuteMs,
  NO_WORKER: minuteMs,
};
/** Each of these is news when its time is another: one more round abandoned, another version held. */
const newEachTime: ReadonlySet<AttentionCode> = new Set(['ROUND_ABANDONED', 'GATE_HELD']);
const rank: Readonly<Record<Severity, number>> = { notice: 0, warning: 1, critical: 2 };

/** Clusters tell their alerts anew as they come back; a coordinator that runs for so long has heard those that do. */
const heardMs = 5 * minuteMs;

/**
 * What is to be told after a look, and what stands from now on: what began and has settled, got worse, has stood for another day, or
 * is over. What was never told is over without a word; what this look could not have seen stands as it stood. `runsMs`: how long this
 * coordinator runs. Pure.
 */
export function changesAfter(
  before: ReadonlyMap<string, KnownMatter>,
  matters: readonly Attention[],
  nowMs: EpochMs,
  runsMs = heardMs,
): Readonly<{ known: ReadonlyMap<string, KnownMatter>; told: readonly Notification[] }> {
  const known = new Map<string, KnownMatter>();
  const told: Notification[] = [];
  for (const matter of matters) {
    const key = keyOf(matter);
    if (known.has(key)) continue;
    const { sinceMs, toldAtMs, toldSeverity } = sameAsBefore(before.get(key), matter) ?? fresh(nowMs);
    if (!isDue(matter, { sinceMs, toldAtMs, toldSeverity }, nowMs)) {
      known.set(key, { matter, sinceMs, toldAtMs, toldSeverity });
      continue;
    }
    const severityBefore = toldSeverity === matter.severity ? null : toldSeverity;
    told.push(notificationOf(matter, 'open', severityBefore, sinceMs, nowMs));
    known.set(key, { matter, sinceMs, toldAtMs: nowMs, toldSeverity: matter.severity });
  }
  const seen = new Set(matters.map(({ code }) => code));
  for (const [key, stood] of before) {
    const { matter, sinceMs, toldAtMs, toldSeverity } = stood;
    if (known.has(key) || toldAtMs === null || toldSeverity === null) continue;
    if (isHidden(matter.code, seen, runsMs)) {
      known.set(key, stood);
      continue;
    }
    told.push(notificationOf({ ...matter, severity: toldSeverity }, 'over', null, sinceMs, nowMs));
  }
  return { known, told };
}

/** Whether nobody could know: of alerts before clusters have come back, of workers without Redis. That is no end of it. */
function isHidden(code: AttentionCode, seen: ReadonlySet<AttentionCode>, runsMs: number): boolean {
  return (code === 'ALERT_WAVE' && runsMs < heardMs) || (code === 'NO_WORKER' && seen.has('REDIS_AWAY'));
}

function fresh(nowMs: EpochMs): Omit<KnownMatter, 'matter'> {
  return { sinceMs: nowMs, toldAtMs: null, toldSeverity: null };
}

function sameAsBefore(known: KnownMatter | undefined, matter: Attention): KnownMatter | undefined {
  if (known === undefined) return undefined;
  return newEachTime.has(matter.code) && known.matter.atMs !== matter.atMs ? undefined : known;
}

function isDue(
  { code, severity }: Attention,
  { sinceMs, toldAtMs, toldSeverity }: Omit<KnownMatter, 'matter'>,
  nowMs: EpochMs,
): boolean {
  if (toldAtMs === null || toldSeverity === null) return nowMs - sinceMs >= (settleMs[code] ?? 0);
  return rank[severity] > rank[toldSeverity] || nowMs - toldAtMs >= remindMs;
}
