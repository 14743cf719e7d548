import type { ModelRef } from '../../../proto/generated/testudo/v1/common.ts';
import type {
  ReleaseChange,
  Subject as SubjectMessage,
} from '../../../proto/generated/testudo/v1/operator_releases.ts';
import type { Subject } from '../../../proto/release/documents/catalogue.ts';
import type { AskedSubject } from '../../operations/releases.ts';
import type { Changed } from '../../registry/decide/change.ts';
import { movesOf } from '../../views/effects.ts';
import type { ModelView } from '../../views/tracks.ts';

const movesMax = 2_000;

/** A time as messages hold it: 0 for none. */
export function ms(time: number | null | undefined): bigint {
  return BigInt(time ?? 0);
}

export function optionalVersion(version: number | null): bigint | undefined {
  return version === null ? undefined : BigInt(version);
}

export function modelRef(model: ModelView | undefined): ModelRef | undefined {
  if (model === undefined) return undefined;
  const { track, version, digest, schemaDigest, sizeBytes } = model;
  return { track, version: BigInt(version), digest, schemaDigest, sizeBytes: BigInt(sizeBytes) };
}

export function askedSubject(subject: SubjectMessage | undefined): AskedSubject | undefined {
  const whom = subject?.whom;
  switch (whom?.$case) {
    case 'cluster':
      return { cluster: whom.value };
    case 'label':
      return { label: whom.value };
    case undefined:
      return undefined;
  }
}

export function subjectMessage(subject: Subject): SubjectMessage {
  if ('cluster' in subject) return { whom: { $case: 'cluster', value: subject.cluster } };
  return { whom: { $case: 'label', value: { ...subject.label } } };
}

/** What a change moves, as much of it as a message holds. */
export function changeMessage(changed: Changed): ReleaseChange {
  const moves = movesOf(changed);
  return {
    sequence: BigInt(changed.sequence),
    movedCount: moves.length,
    moves: moves.slice(0, movesMax).map(({ cluster, track, before, after, shadowBefore, shadowAfter, because }) => ({
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
