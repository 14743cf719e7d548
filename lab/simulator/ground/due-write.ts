/** What waits for the so-many-th write from now on. `came`: told when that is there. */
export type DueWrite = { in: number; readonly came: () => void };

/** Whether this write is the one that it waits for. */
export function comesNow(waiting: DueWrite | undefined): boolean {
  if (waiting === undefined) return false;
  waiting.in -= 1;
  if (waiting.in > 0) return false;
  waiting.came();
  return true;
}
