import { didYouMean } from '../../base/text/nearest.ts';
import type { Track } from '../../proto/generated/testudo/v1/operator.ts';
import { exitWith } from '../exit.ts';
import type { OperatorConnection } from '../operator/connection.ts';

/** The track of this name, as the coordinator lists it; ends the process where there is none. */
export async function trackOf(
  connection: OperatorConnection,
  name: string,
): Promise<Track & Readonly<{ settings: NonNullable<Track['settings']> }>> {
  const { tracks } = await connection.call(connection.client.listTracks, {});
  const found = tracks.find(({ settings }) => settings?.track === name);
  if (found?.settings !== undefined) return { ...found, settings: found.settings };
  const known = tracks.map(({ settings }) => settings?.track ?? '').sort();
  const others = didYouMean(name, known) || `; tracks: ${known.join(', ') || 'none'}`;
  return exitWith({ code: 'TRACK_NOT_FOUND', message: `there is no track ${name}${others}` });
}
