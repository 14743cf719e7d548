import { createHash } from 'node:crypto';
import { z } from 'zod';
import { instantText } from '../../base/text/instant-text.ts';
import { unsignedZero } from '../../base/text/number.ts';
import type { Description, Explanation, Subject } from '../tracks/track-kind.ts';
import { headlineOf } from './headline.ts';

/** One line of the alert file. */
export type Alert = Readonly<{
  id: string;
  at: string;
  track: string;
  modelVersion: number;
  score: number;
  threshold: number;
  subject: Subject;
  /** The same for people. */
  text: string;
  /** Rules of other tools that spoke of the same pod at about the same time. */
  labels: readonly string[];
  /** What the track knows about it: who did it, the explanation (missing where that failed), what was never seen. */
  detail: Readonly<Record<string, unknown>>;
}>;

/** The same things have the same id, also when they are read again after a crash: "a-" and 16 hexadecimal digits. */
export function alertId(track: string, identity: string): string {
  const hash = createHash('sha256').update(JSON.stringify([track, identity]));
  return `a-${hash.digest('hex').slice(0, 16)}`;
}

export function isAlertId(text: string): boolean {
  return /^a-[0-9a-f]{16}$/.test(text);
}

/** What is written again must not nest deeper than writing goes; a track's explanations nest three levels or four. */
const detailDepthMax = 32;

/** Whether it reads as the same once it is written again: JSON may say 1e309 and -0, and has no words for what they are read as. */
function isWritable(value: unknown, depth: number): boolean {
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0);
  if (typeof value !== 'object' || value === null) return true;
  return depth > 0 && Object.values(value).every((member) => isWritable(member, depth - 1));
}

const name = z.string().max(1_024);
const subjectFields = { namespace: name, workload: name, workloadClass: name, pod: name };
const fields = {
  id: z.string().refine(isAlertId),
  at: z.iso.datetime(),
  track: z.string(),
  modelVersion: z.int().transform(unsignedZero),
  score: z.number().transform(unsignedZero),
  threshold: z.number().transform(unsignedZero),
  text: z.string(),
  labels: z.array(z.string()).max(1_024),
  detail: z.record(z.string(), z.unknown()).refine((detail) => isWritable(detail, detailDepthMax)),
};
/** As it is told by somebody who is not believed: nothing beside it. The rest of `detail` is the track's. */
export const toldAlert = z.strictObject({ ...fields, subject: z.strictObject(subjectFields) });
/** As it stands in a file, which a later version may have written. */
export const writtenAlert = z.looseObject({
  ...fields,
  subject: z.looseObject(subjectFields),
  // JSON has no infinity.
  score: z.number().nullable().transform(infinite),
  threshold: z.number().nullable().transform(infinite),
});

function infinite(value: number | null): number {
  return unsignedZero(value ?? Number.POSITIVE_INFINITY);
}

export type Alarm = Pick<Alert, 'id' | 'track' | 'modelVersion' | 'score' | 'threshold' | 'subject' | 'labels'> &
  Readonly<{
    described: Description;
    why: Explanation | undefined;
    /** What its workload does unusually often just now. */
    rates: Explanation | undefined;
    remark: Explanation | undefined;
    /** Stands for the time where the source has none. */
    nowMs: number;
  }>;

/** What is said of an alarm, for programs and for people. */
export function alertOf({ described, why, rates, remark, nowMs, subject: about, ...rest }: Alarm): Alert {
  const { namespace, workload, workloadClass, pod } = about;
  const subject = { namespace, workload, workloadClass, pod };
  const headline = headlineOf(subject, rest.score, rest.threshold);
  const { id, track, modelVersion, score, threshold, labels } = rest;
  return {
    id,
    at: instantText(described.lastMs > 0 ? described.lastMs : nowMs),
    track,
    modelVersion,
    score,
    threshold,
    subject,
    text: [remark === undefined ? headline : `${headline}; ${remark.text}`, rates?.text, why?.text]
      .filter((line) => line !== undefined)
      .join('\n'),
    labels,
    detail: { ...described.detail, ...why?.detail, ...rates?.detail, ...remark?.detail },
  };
}

/** The alert that a line holds; undefined where it holds none: the file is text, and others may have written to it. */
export function alertIn(line: string): Alert | undefined {
  try {
    const read = writtenAlert.safeParse(JSON.parse(line));
    return read.success ? read.data : undefined;
  } catch {
    return undefined;
  }
}
