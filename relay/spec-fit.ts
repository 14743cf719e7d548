import type { Track } from '../coordinator/ledger/state/state.ts';
import type { TrackId } from '../proto/ids.ts';
import { type ModelSpec, schemaDigest } from '../proto/model-spec.ts';

const shownLengthMax = 120;

/**
 * Why the region cannot hold what the parent's track does, and what helps; undefined where both mean the same vector. A track that is
 * missing is put. One of another spec stays as it is for as long as the region does, so the cure is another one.
 */
export function specMisfit(id: TrackId, known: Pick<Track, 'spec'> | undefined, wanted: ModelSpec): string | undefined {
  if (known === undefined) {
    return `the region has no track ${id}: put it with the parent's spec.json (\`testudo tracks put ${id} --spec …\`)`;
  }
  if (schemaDigest(known.spec) === schemaDigest(wanted)) return undefined;
  const differs = firstDifference(known.spec, wanted);
  return `the region's track ${id} has another model spec than the parent's: ${differs}. A track's spec never changes: found the \
region anew with the parent's, as \`testudo coordinator init --classes …\` does with the parent's classes in the parent's order`;
}

function firstDifference(here: ModelSpec, there: ModelSpec): string {
  const said = (name: string, ours: unknown, theirs: unknown) =>
    `${name} is ${shown(ours)} here and ${shown(theirs)} at the parent`;
  if (here.architecture !== there.architecture) return said('architecture', here.architecture, there.architecture);
  const names = new Set([...Object.keys(here.hyperparameters), ...Object.keys(there.hyperparameters)]);
  for (const name of [...names].sort()) {
    const [ours, theirs] = [here.hyperparameters[name], there.hyperparameters[name]];
    if (ours !== theirs) return said(name, ours, theirs);
  }
  return 'the tensors differ';
}

/** A text of the parent's may be long, and goes to a log: JSON keeps it on one line. */
function shown(value: unknown): string {
  const text = value === undefined ? 'not set' : JSON.stringify(value);
  return text.length <= shownLengthMax ? text : `${text.slice(0, shownLengthMax)}…`;
}
