import { sinkFileProblems } from '../base/delivery/sink-files.ts';
import type { ClientConfig } from './config.ts';
import { sharedTokenProblems } from './hub/admit.ts';

/**
 * What is wrong with the files that a sound configuration names and that are read later, anew each time: those of sinks, and
 * the token that a hub shares with its sensors. Each problem names its setting. A start goes on in spite of what ails a sink.
 */
export async function namedFileProblems({ alerts, hub }: ClientConfig): Promise<readonly string[]> {
  const sinks = await sinkFileProblems(alerts);
  const tokens = hub === null ? [] : await sharedTokenProblems(hub.admission);
  return [...sinks, ...tokens.map((problem) => `hub.admission: ${problem}`)];
}
