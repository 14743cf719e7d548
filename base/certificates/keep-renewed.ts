import type { EpochMs, Timers } from '../time.ts';

const lookEveryMs = 60_000;

/** From when on a certificate is in use, and until when it holds. */
type Term = Readonly<{ issuedAtMs: EpochMs; expiresAtMs: EpochMs }>;

export type RenewalParts<Issued extends Term> = Readonly<{
  first: Issued;
  timers: Timers;
  issue: () => Promise<Issued>;
  replace: (issued: Issued) => void;
  /** Hears why none could be made; it is tried again within a minute. */
  failed: (error: unknown) => void;
}>;

/**
 * Has a certificate issued anew at two thirds of its life. The wall clock is looked at every minute, since that is what peers hold
 * it to: a machine that slept, or whose clock was set, is past the end, or before the beginning, of what a timer still waits for.
 * Returns how to end it.
 */
export function keepRenewed<Issued extends Term>({ first, timers, issue, replace, failed }: RenewalParts<Issued>) {
  let present: Term = first;
  let isRunning = false;
  const look = async () => {
    if (isRunning || !isDue(present, timers.now())) return;
    isRunning = true;
    try {
      const issued = await issue();
      present = issued;
      replace(issued);
    } catch (error) {
      failed(error);
    } finally {
      isRunning = false;
    }
  };
  const beat = timers.every(lookEveryMs, () => void look(), { background: true });
  return () => timers.cancel(beat);
}

/** Steps back of less than a minute are left to the backdating of certificates. */
function isDue({ issuedAtMs, expiresAtMs }: Term, nowMs: EpochMs): boolean {
  return nowMs >= expiresAtMs - (expiresAtMs - issuedAtMs) / 3 || nowMs < issuedAtMs - lookEveryMs;
}
