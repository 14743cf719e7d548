import { ok, type Result } from '../../../base/fault.ts';
import type {
  ReleaseChange,
  Subject as SubjectMessage,
} from '../../../proto/generated/testudo/v1/operator_releases.ts';
import { isClusterId, isTrackId, type TrackId } from '../../../proto/ids.ts';
import type { Subject } from '../../../proto/release/documents/catalogue.ts';
import type { Changed } from '../../registry/decide/change.ts';
import { checkId, checkReason, invalid } from './requests.ts';

const movesMax = 2_000;
const labelText = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** What every change names: a track, and a reason. */
export function readChange<Request extends Readonly<{ track: string; reason: string }>>({
  track: name,
  reason,
}: Request): Result<Readonly<{ track: TrackId; reason: string }>, 'REQUEST_INVALID'> {
  const track = checkId('track', name, isTrackId);
  if (!track.ok) return track;
  return checkReason(reason) ?? ok({ track: track.value, reason });
}

/** A version that fits a number; whether there is one like it is the registry's to say. */
export function readVersion(version: bigint): Result<number, 'REQUEST_INVALID'> {
  return version <= BigInt(Number.MAX_SAFE_INTEGER) ? ok(Number(version)) : invalid('version: at most 2^53 - 1');
}

/** `{ version }`, or nothing where it was left to the coordinator. */
export function readOptionalVersion(
  version: bigint | undefined,
): Result<Readonly<{ version?: number }>, 'REQUEST_INVALID'> {
  if (version === undefined) return ok({});
  const read = readVersion(version);
  return read.ok ? ok({ version: read.value }) : read;
}

export function readSubject(subject: SubjectMessage | undefined): Result<Subject, 'REQUEST_INVALID'> {
  const whom = subject?.whom;
  switch (whom?.$case) {
    case 'cluster': {
      const cluster = checkId('subject.cluster', whom.value, isClusterId);
      return cluster.ok ? ok({ cluster: cluster.value }) : cluster;
    }
    case 'label': {
      const { key, value } = whom.value;
      return labelText.test(key) && labelText.test(value)
        ? ok({ label: { key, value } })
        : invalid('subject.label: key and value of 1 to 63 of a-z, 0-9 and "-"');
    }
    case undefined:
      return invalid('subject: name a cluster or a label');
  }
}

export function subjectMessage(subject: Subject): SubjectMessage {
  if ('cluster' in subject) return { whom: { $case: 'cluster', value: subject.cluster } };
  return { whom: { $case: 'label', value: { ...subject.label } } };
}

/** What a change moves: clusters for which it makes no difference are left out. */
export function changeMessage({ sequence, effects }: Changed): ReleaseChange {
  const moved = effects.filter(
    ({ before, after, shadowBefore, shadowAfter }) => before !== after || shadowBefore !== shadowAfter,
  );
  moved.sort((a, b) => (a.cluster < b.cluster ? -1 : 1));
  return {
    sequence: BigInt(sequence),
    movedCount: moved.length,
    moves: moved.slice(0, movesMax).map(({ cluster, track, before, after, shadowBefore, shadowAfter, because }) => ({
      cluster,
      track,
      before: optionalVersion(before),
      after: optionalVersion(after),
      shadowBefore: optionalVersion(shadowBefore),
      shadowAfter: optionalVersion(shadowAfter),
      because,
    })),
  };
}

export function optionalVersion(version: number | null): bigint | undefined {
  return version === null ? undefined : BigInt(version);
}
