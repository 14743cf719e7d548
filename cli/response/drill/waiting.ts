import { setTimeout as pause } from 'node:timers/promises';

const lookMs = 100;

/** Looks until it is so; false when it is not after `msMax`. Rejects at once when the drill is told to end. */
export async function holds(msMax: number, signal: AbortSignal, look: () => Promise<boolean>): Promise<boolean> {
  for (const sinceMs = performance.now(); !(await look()); await pause(lookMs, undefined, { signal })) {
    if (performance.now() - sinceMs > msMax) return false;
  }
  return true;
}

/** What is looked for; rejects when there is no sign of it after `msMax`, or when the drill is told to end. */
export async function until<Value>(
  msMax: number,
  signal: AbortSignal,
  what: string,
  look: () => Promise<Value | undefined | false>,
): Promise<Value> {
  for (const sinceMs = performance.now(); ; await pause(lookMs, undefined, { signal })) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() - sinceMs > msMax) throw new Error(`no sign of ${what} after ${msMax / 1_000} s`);
  }
}
