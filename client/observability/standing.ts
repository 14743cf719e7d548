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

/** member: undefined before enrolment; `failed`: why the latest attempt at that did not make it one. */
export function standingOf(
  member: Member | undefined,
  failed: Fault | undefined,
  silenceMsMax: number,
  nowMs: number,
): Standing {
  if (member === undefined) {
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
