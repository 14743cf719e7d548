/** How slow an upload may be. */
export type PaceRules = Readonly<{
  /** Longest silence between two messages. */
  idleMsMax: number;
  /** Time that every upload has, whatever its size. */
  graceMs: number;
  /** Beyond the grace, bytes must arrive at this rate on average. */
  bytesPerSecondMin: number;
}>;

/**
 * How long to wait for the next message of an upload that began `elapsedMs` ago and has brought `bytes` since; 0 when it
 * has been too slow already. A trickle that keeps a stream busy for ever ends here, not only a silent one.
 */
export function patienceMs(
  { idleMsMax, graceMs, bytesPerSecondMin }: PaceRules,
  bytes: number,
  elapsedMs: number,
): number {
  const dueInMs = graceMs + (bytes / bytesPerSecondMin) * 1000 - elapsedMs;
  return Math.max(0, Math.min(idleMsMax, dueInMs));
}
