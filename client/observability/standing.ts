import type { Fault } from '../../base/fault.ts';

/** A member's connection to its coordinator, as `Uplink` is one. */
type Member = Readonly<{
  /** atMs: milliseconds since the epoch; 0 before the first word. away: what ended the last attempt to connect since. */
  heard: Readonly<{ atMs: number; away: Fault | undefined }>;
  certificate: Readonly<{ hasEnded: boolean; why: readonly string[] }>;
}>;

/** How a member stands with its coordinator, for probes. */
export type Standing = Readonly<{
  certificate: 'none' | 'ended' | 'in force';
  /** It was heard of within `silenceMsMax`. */
  connected: boolean;
  /** Why it is no member yet, what is wrong with the certificate and what helps, or why it is not connected, one sentence each. */
  why: readonly string[];
}>;

/** member: undefined until it connects; before: whether it is enrolled, or why the latest attempt at that did not make it a member. */
export function standingOf(
  member: Member | undefined,
  before: Readonly<{ isEnrolled: boolean; failed: Fault | undefined }>,
  silenceMsMax: number,
  nowMs: number,
): Standing {
  if (member === undefined) {
    // What an earlier run left is read first: it is no stranger meanwhile.
    if (before.isEnrolled) return { certificate: 'none', connected: false, why: [] };
    const { failed } = before;
    const why = failed === undefined ? 'no answer yet' : `${failed.code}: ${failed.message}`;
    return { certificate: 'none', connected: false, why: [`not enrolled: ${why}`] };
  }
  const {
    heard: { atMs, away },
    certificate,
  } = member;
  const silentMs = nowMs - atMs;
  const connected = atMs !== 0 && silentMs >= 0 && silentMs < silenceMsMax;
  const isAway = !connected && !certificate.hasEnded && away !== undefined;
  return {
    certificate: certificate.hasEnded ? 'ended' : 'in force',
    connected,
    why: isAway ? [...certificate.why, `not connected: ${away.code}: ${away.message}`] : certificate.why,
  };
}
