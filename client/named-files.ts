import { sinkFileProblems } from '../base/delivery/sink-files.ts';
import type { ClientConfig } from './config.ts';
import { sharedTokenProblems } from './hub/admit.ts';
import { importTrackKind, moduleOfKind } from './tracks/track-kinds.ts';

/**
 * What is wrong with the files that a sound configuration names and that are read later: those of sinks, the token that a hub
 * shares with its sensors, and the code of tracks. Each problem names its setting. A start goes on in spite of what ails a sink.
 */
export async function namedFileProblems({
  alerts,
  hub,
  tracks,
}: Pick<ClientConfig, 'alerts' | 'hub' | 'tracks'>): Promise<readonly string[]> {
  const sinks = await sinkFileProblems(alerts);
  const tokens = hub === null ? [] : await sharedTokenProblems(hub.admission);
  const unloadable = await Promise.all(tracks.map(trackProblem));
  return [...sinks, ...tokens.map((problem) => `hub.admission: ${problem}`), ...unloadable.flat()];
}

async function trackProblem({ id, folder }: ClientConfig['tracks'][number]): Promise<readonly string[]> {
  const module = moduleOfKind(folder);
  if (module === undefined) return []; // The configuration says so already.
  return await importTrackKind(module).then(
    () => [],
    (error: unknown) => [`tracks: ${id}: ${error instanceof Error ? error.message : String(error)}`],
  );
}
