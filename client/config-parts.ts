/** What the settings of a client and of a sensor have in common. */
import { z } from 'zod';
import { isListenAddress, listenAddressWanted } from '../base/serving/listen.ts';
import { isTrackId, type TrackId } from '../proto/ids.ts';
import { type Address, parseAddress } from './link/address.ts';
import type { SecretSource } from './link/join-token-source.ts';
import type { SourceConfig } from './sources/source-config.ts';
import type { DataKeySource } from './storage/data-key.ts';
import { defaultAlertRate } from './tracks/track-kind.ts';
import { builtInKinds, defaultKind, moduleOfKind } from './tracks/track-kinds.ts';

export const path = z.string().min(1).max(4_096);
export const address = z.string().transform((text, context): Address => {
  const parsed = parseAddress(text);
  if (parsed.ok) return parsed.value;
  context.addIssue(parsed.fault.message);
  return z.NEVER;
});
export const listen = z.string().refine(isListenAddress, listenAddressWanted);
export const track = z.custom<TrackId>(isTrackId, `expected a track id, such as "${defaultKind}"`);
export const secret = z.union([z.strictObject({ file: path }), z.strictObject({ environment: z.string().min(1) })]);
export const dataKey = z.union([
  z.strictObject({ file: path }),
  z.strictObject({ environment: z.string().min(1) }),
  z.strictObject({ command: z.tuple([z.string().min(1)], z.string()) }),
]);
const trackEntry = z
  .union([track, z.strictObject({ id: track, folder: z.string().min(1).max(4_096) })])
  .transform((entry) => (typeof entry === 'string' ? { id: entry, folder: entry as string } : entry));

type TrackConfig = z.infer<typeof trackEntry>;

export const trackEntries = z
  .array(trackEntry)
  .min(1)
  .max(16)
  .default([{ id: defaultKind as TrackId, folder: defaultKind }]);

/** What raises an alarm. */
export const scoring = {
  /** The share of a workload's traces that may raise an alarm. */
  alertRate: z.number().positive().max(0.5).default(defaultAlertRate),
  /** Instead of the rate: alarms above the mean by so many standard deviations. */
  deviations: z.number().positive().max(100).nullable().default(null),
  /** A workload's scores before this many traces only set its threshold. */
  warmUp: z.int().min(10).max(1_000_000).default(200),
  /** System calls: 'tfidf' lets calls that few of a workload's normal traces make count more, against mimicry. */
  callWeights: z.enum(['none', 'tfidf']).default('none'),
  /** What workloads do unusually often within a minute counts in the scores of what they do. */
  rates: z.boolean().default(true),
};

/** A source of which nothing usable came for so long is blind, and its reader not ready; null: never for silence. */
export const sourceSilentMinutesMax = z.number().positive().max(10_080).nullable().default(15);

export const log = z
  .strictObject({ level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info') })
  .prefault({});

/** A folder that is no name of a built-in kind is a path. */
export function absoluteTrack(track: TrackConfig, absolute: (name: string) => string): TrackConfig {
  return /[/\\]/.test(track.folder) ? { ...track, folder: absolute(track.folder) } : track;
}

export function absoluteSource(source: SourceConfig, absolute: (name: string) => string): SourceConfig {
  return 'path' in source ? { ...source, path: absolute(source.path) } : source;
}

export function problemsOfTracks(tracks: readonly TrackConfig[]): string[] {
  const repeated = tracks.filter(({ id }, at) => tracks.findIndex((one) => one.id === id) !== at);
  const unknown = tracks.filter(({ folder }) => moduleOfKind(folder) === undefined);
  return [
    ...repeated.map(({ id }) => `tracks: ${id} is listed twice`),
    ...unknown.map(
      ({ id, folder }) =>
        `tracks: ${id}: ${folder} holds no track.ts; built in are ${builtInKinds().join(', ')}, others need \`folder\``,
    ),
  ];
}

export function secretSource(
  source: { file: string } | { environment: string },
  absolute: (name: string) => string,
): SecretSource {
  return 'file' in source
    ? { kind: 'file', path: absolute(source.file) }
    : { kind: 'environment', name: source.environment };
}

export function dataKeySource(
  key: z.infer<typeof dataKey> | undefined,
  absolute: (name: string) => string,
): DataKeySource {
  if (key === undefined) return { kind: 'beside' };
  return 'command' in key ? { kind: 'command', command: key.command } : secretSource(key, absolute);
}
