import { type Result, refuse } from '../../base/fault.ts';
import { didYouMean } from '../../base/text/nearest.ts';

/** A track was named that there is not: says which was probably meant, or which there are. */
export function noTrack(
  name: string,
  { tracks }: Readonly<{ tracks: ReadonlyMap<string, unknown> }>,
): Result<never, 'TRACK_NOT_FOUND'> {
  const known = [...tracks.keys()].sort();
  const others = didYouMean(name, known) || `; tracks: ${known.join(', ') || 'none'}`;
  return refuse('TRACK_NOT_FOUND', `there is no track ${name}${others}`);
}
