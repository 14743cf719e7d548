/** What the settings of a client and of a sensor have in common. */
import { z } from 'zod';
import { isTrackId, type TrackId } from '../proto/ids.ts';
import { type Address, parseAddress } from './link/address.ts';
import type { SecretSource } from './link/join-token-source.ts';
import type { DataKeySource } from './storage/data-key.ts';
import { builtInKinds, defaultKind, moduleOfKind } from './tracks/track-kinds.ts';

export const path = z.string().min(1).max(4_096);
export const address = z.string().transform((text, context): Address => {
  const parsed = parseAddress(text);
  if (parsed.ok) return parsed.value;
  context.addIssue(parsed.fault.message);
  return z.NEVER;
});
export const listen = z.string().regex(/^(?:127\.0\.0\.1|0\.0\.0\.0|\[::1?\]|[\w.-]+):\d{1,5}$/, 'expected host:port');
export const track = z.custom<TrackId>(isTrackId, `expected a track id, such as "${defaultKind}"`);
export const secret = z.union([z.strictObject({ file: path }), z.strictObject({ environment: z.string().min(1) })]);
export const dataKey = z.union([
  z.strictObject({ file: path }),
  z.strictObject({ environment: z.string().min(1) }),
  z.strictObject({ command: z.tuple([z.string().min(1)], z.string()) }),
]);
export const trackEntry = z
  .union([track, z.strictObject({ id: track, folder: z.string().min(1).max(4_096) })])
  .transform((entry) => (typeof entry === 'string' ? { id: entry, folder: entry as string } : entry));

export type TrackConfig = z.infer<typeof trackEntry>;

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
