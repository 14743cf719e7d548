import { isoTimeMs } from '../../base/text/iso-time.ts';
import { shortDigest } from '../../base/text/table.ts';
import type { Subject as SubjectMessage } from '../../proto/generated/testudo/v1/operator_releases.ts';
import { isClusterId, isTrackId, type TrackId } from '../../proto/ids.ts';
import type { AntibodyPin, Subject } from '../../proto/release/documents/catalogue.ts';
import { usage } from '../exit.ts';

const label = /^([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)=([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)$/;
const spanMs = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;

/** CLUSTER, or KEY=VALUE for all that carry the label. */
export function subjectFrom(text: string): Subject {
  if (isClusterId(text)) return { cluster: text };
  const [, key, value] = label.exec(text) ?? [];
  if (key !== undefined && value !== undefined) return { label: { key, value } };
  return usage(`expected a cluster or a label as key=value, of a-z, 0-9 and "-"; got ${text}`);
}

export function subjectText(subject: Subject): string {
  return 'cluster' in subject ? subject.cluster : `${subject.label.key}=${subject.label.value}`;
}

/** Whom a pin of an antibody is for. */
export function whomText(subject: Subject | null): string {
  return subject === null ? 'every cluster' : subjectText(subject);
}

/** What a pin of an antibody holds to. */
export function antibodyHoldText({ track, antibody, inUse }: AntibodyPin): string {
  return `antibody ${shortDigest(antibody)} of ${track} ${inUse ? 'in use' : 'out of use'}`;
}

export function subjectMessage(subject: Subject): SubjectMessage {
  if ('cluster' in subject) return { whom: { $case: 'cluster', value: subject.cluster } };
  return { whom: { $case: 'label', value: { ...subject.label } } };
}

export function textOfSubject(message: SubjectMessage | undefined): string {
  const whom = message?.whom;
  if (whom?.$case === 'cluster') return whom.value;
  return whom?.$case === 'label' ? `${whom.value.key}=${whom.value.value}` : '?';
}

/** TRACK@VERSION. */
export function releaseFrom(text: string): Readonly<{ track: TrackId; version: number }> {
  const { track, version } = trackAndVersionFrom(text);
  return version === undefined ? usage(`expected TRACK@VERSION, got ${text}; say which version`) : { track, version };
}

/** TRACK or TRACK@VERSION. */
export function trackAndVersionFrom(text: string): Readonly<{ track: TrackId; version: number | undefined }> {
  const [track, version, ...more] = text.split('@');
  if (!isTrackId(track) || more.length > 0) return usage(`expected TRACK@VERSION, got ${text}`);
  return { track, version: version === undefined ? undefined : versionFrom(version) };
}

export function versionFrom(text: string): number {
  return /^v?\d{1,15}$/.test(text)
    ? Number(text.replace('v', ''))
    : usage(`expected a version, a whole number from 0; got ${text}`);
}

/** A round's id, r-7, or its number alone. */
export function roundFrom(text: string): string {
  return /^[1-9]\d{0,11}$/.test(text) ? `r-${text}` : text;
}

/** A whole number of percent, 1 to 100. */
export function percentFrom(option: string, text: string): number {
  const percent = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  return percent >= 1 && percent <= 100 ? percent : usage(`${option}: expected 1 to 100 percent, got ${text}`);
}

/** A time that is past: 2026-11-24T18:00Z, or how long ago: 90m, 36h, 14d, 2w. */
export function sinceFrom(option: string, text: string, nowMs: number): number {
  const spanned = /^\d{1,6}[mhdw]$/.test(text);
  const atMs = timeFrom(option, text, spanned ? 0 : nowMs);
  return spanned ? Math.max(0, nowMs - atMs) : atMs;
}

/** A time to come: 2026-12-24T18:00Z, or how long from now: 90m, 36h, 14d, 2w. */
export function timeFrom(option: string, text: string, nowMs: number): number {
  const [, count, unit] = /^(\d{1,6})([mhdw])$/.exec(text) ?? [];
  if (count !== undefined && unit !== undefined) return nowMs + Number(count) * spanMs[unit as keyof typeof spanMs];
  const atMs = isoTimeMs(text, { zoneless: 'refused' });
  if (Number.isNaN(atMs)) {
    return usage(
      `${option}: expected a time with its zone, like 2026-12-24T18:00Z, or a span like 90m, 36h, 14d, 2w; got ${text}`,
    );
  }
  return atMs;
}
