/** The middle value; the mean of the two middle ones for an even count. Needs at least one value. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('median: expected at least one value');
  const ordered = [...values].sort((a, b) => a - b);
  const middle = ordered.length >> 1;
  const upper = ordered[middle] as number;
  return ordered.length % 2 === 1 ? upper : (upper + (ordered[middle - 1] as number)) / 2;
}

/** Seconds that one call took. */
export async function secondsOf(call: () => unknown): Promise<number> {
  const startedAt = performance.now();
  await call();
  return (performance.now() - startedAt) / 1000;
}

/** Seconds of the processor that one call took, in all threads of this process: what others do on the machine costs nothing here. */
export async function processorSecondsOf(call: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await call();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

/**
 * Seconds of `repeat` runs of every contender, one of each in turn, so that whatever else the machine does falls on
 * all of them alike.
 */
export async function interleave<Name extends string>(
  contenders: Readonly<Record<Name, () => unknown>>,
  repeat: number,
  timed: (call: () => unknown) => Promise<number> = secondsOf,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(contenders) as Name[];
  const seconds = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let pass = 0; pass < repeat; pass++) {
    for (const name of names) seconds[name].push(await timed(contenders[name]));
  }
  return seconds;
}

/** Three significant figures, for tables. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return '0';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(digits, 12));
}

/** A duration in the unit that reads best. */
export function secondsText(seconds: number): string {
  if (seconds < 1e-3) return `${figure(seconds * 1e6)} µs`;
  return seconds < 1 ? `${figure(seconds * 1e3)} ms` : `${figure(seconds)} s`;
}
