import { type Participation, UpdateFate } from '../../../../proto/generated/testudo/v1/operator.ts';
import type { ParticipationView } from '../../../views/participation.ts';

const rowsMax = 10_000;
/** Room for the rows of one message. */
const rowBytesMax = 600 << 10;
const tensorsMax = 8;

export const fates: Readonly<Record<ParticipationView['fate'], UpdateFate>> = {
  selected: UpdateFate.UPDATE_FATE_SELECTED,
  leftOut: UpdateFate.UPDATE_FATE_EXCLUDED,
  refused: UpdateFate.UPDATE_FATE_REFUSED,
  accepted: UpdateFate.UPDATE_FATE_ACCEPTED,
  straggler: UpdateFate.UPDATE_FATE_STRAGGLER,
  awaited: UpdateFate.UPDATE_FATE_AWAITED,
};

/** As many rows as fit one message, in the order of the view. */
export function participations(view: Iterable<ParticipationView>): Participation[] {
  const rows: Participation[] = [];
  let bytes = 0;
  for (const part of view) {
    const row = rowOf(part);
    const tensors = row.tensorShares.length + row.sampleTensors.length;
    bytes +=
      180 +
      row.provenanceDigest.length +
      row.cluster.length +
      row.reason.length +
      tensors * 48 +
      row.classes.join().length;
    if (bytes > rowBytesMax || rows.length === rowsMax) break;
    rows.push(row);
  }
  return rows;
}

function rowOf(part: ParticipationView): Participation {
  const { fate, payloadDigest, score, norm, cosine, tensors, share, classes, onSample, provenance, ...texts } = part;
  return {
    ...texts,
    share: share ?? Number.NaN,
    classes: [...classes],
    sampleSlope: onSample?.slope ?? Number.NaN,
    sampleTensors: (onSample?.tensors ?? [])
      .slice(0, tensorsMax)
      .map(({ name, slope }) => ({ tensor: name, share: slope })),
    fate: fates[fate],
    payloadDigest: payloadDigest ?? '',
    provenanceDigest: provenance ?? '',
    score: score ?? Number.NaN,
    norm: norm ?? Number.NaN,
    cosine: cosine ?? Number.NaN,
    tensorShares: tensors.slice(0, tensorsMax).map(({ name, part }) => ({ tensor: name, share: part })),
  };
}
