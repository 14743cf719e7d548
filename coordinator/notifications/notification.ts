import { createHash } from 'node:crypto';
import type { Outgoing } from '../../base/delivery/outgoing.ts';
import type { EpochMs } from '../../base/time.ts';
import type { Attention, AttentionCode, Severity } from '../views/attention.ts';
import { nextStepOf } from './next-steps.ts';

/** One matter that began, goes on, got worse or is over, as sinks are told of it. */
export type Notification = Readonly<{
  /** "a-" and 16 hexadecimal digits, as of alerts. */
  id: string;
  at: string;
  state: 'open' | 'over';
  code: AttentionCode;
  severity: Severity;
  /** What it was told as before; null where it was not, or is the same. */
  severityBefore: Severity | null;
  /** Empty for none. */
  track: string;
  cluster: string;
  about: string;
  text: string;
  /** What to do next. */
  next: string;
  /** When it was first seen. */
  since: string;
}>;

export type OutgoingNotification = Outgoing<Notification>;

/** What makes one matter the same at the next look. */
export function keyOf({
  code,
  track,
  cluster,
  about,
}: Pick<Attention, 'code' | 'track' | 'cluster' | 'about'>): string {
  return JSON.stringify([code, track, cluster, about]);
}

export function notificationOf(
  matter: Attention,
  state: Notification['state'],
  severityBefore: Severity | null,
  sinceMs: EpochMs,
  nowMs: EpochMs,
): Notification {
  const { code, severity, track, cluster, about, text } = matter;
  return {
    id: idOf([keyOf(matter), state, nowMs]),
    at: new Date(nowMs).toISOString(),
    ...{ state, code, severity, severityBefore, track, cluster, about },
    text: state === 'open' ? text : `over: ${text}`,
    next: state === 'open' ? nextStepOf(matter) : 'nothing: it is over',
    since: new Date(sinceMs).toISOString(),
  };
}

/** The same for all that is told of a matter, from when it was first seen until it is over. */
export function matterIdOf(item: Notification): string {
  return idOf([keyOf(item), item.since]);
}

function idOf(parts: readonly (string | number)[]): string {
  return `a-${createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16)}`;
}
