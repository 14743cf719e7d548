import { setTimeout as pause } from 'node:timers/promises';
import type { DrillSettings, RunnableDrill } from '../drills.ts';
import { type DrillRule, nextTurn, turnsBetween } from './due-times.ts';
import { type Entry, outcomeOf, recall, remember } from './history.ts';

export type SchedulePlan = Readonly<{
  rule: DrillRule;
  drills: readonly RunnableDrill[];
  settings: DrillSettings;
  historyFile: string;
  now: () => number;
  /** Told of each turn that is over. */
  heard: (entry: Entry) => void;
}>;

/** A wait for longer than this is looked at again: the machine may have slept, or its clock been set. */
const waitMsMax = 60_000;

/**
 * Runs drills at their times until it is told to end. Turns that came while nobody ran this are written down as not measurable: a
 * history without them would look better than it is.
 */
export async function runSchedule(plan: SchedulePlan, signal: AbortSignal): Promise<void> {
  const { rule, historyFile, now } = plan;
  const { entries } = await recall(historyFile);
  const last = entries.at(-1);
  let seenMs = now();
  if (last !== undefined) {
    for (const { drill, atMs } of turnsBetween(rule, Date.parse(last.at), seenMs)) {
      await tell(plan, { drill, at: iso(atMs), outcome: 'not measurable', because: 'the schedule did not run then' });
    }
  }
  for (;;) {
    const turn = nextTurn(rule, seenMs);
    if (turn === undefined) throw new Error('the hours that were given never let a drill begin');
    while (now() < turn.atMs) {
      if (!(await waited(Math.min(turn.atMs - now(), waitMsMax), signal))) return;
    }
    const drill = plan.drills.find(({ name }) => name === turn.drill);
    if (drill !== undefined) await tell(plan, await outcome(drill, plan, turn.atMs, signal));
    if (signal.aborted) return;
    seenMs = turn.atMs;
  }
}

async function outcome(
  drill: RunnableDrill,
  { settings }: SchedulePlan,
  atMs: number,
  signal: AbortSignal,
): Promise<Entry> {
  const turn = { drill: drill.name, at: iso(atMs) };
  const blind = (why: string): Entry => ({ ...turn, outcome: 'not measurable', because: why.slice(0, 1_000) });
  try {
    const checks = await drill.run(settings, signal);
    return checks.ok ? { ...turn, ...outcomeOf(checks.value) } : blind(checks.fault.message);
  } catch (error) {
    return blind(signal.aborted ? 'it was interrupted' : (error as Error).message);
  }
}

async function tell({ historyFile, heard }: SchedulePlan, entry: Entry): Promise<void> {
  await remember(historyFile, entry);
  heard(entry);
}

/** False when it was told to end. */
async function waited(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await pause(ms, undefined, { signal });
    return true;
  } catch {
    return false;
  }
}

const iso = (atMs: number) => new Date(atMs).toISOString();
