import type { EpochMs } from '../../../base/time.ts';
import type { TrackId } from '../../../proto/ids.ts';
import type { Catalogue, Channel, ReleaseTarget, TrackReleases } from '../../../proto/release/documents/catalogue.ts';
import type { TrackReleasing } from '../../ledger/state/releasing.ts';
import type { State } from '../../ledger/state/state.ts';

/** What the release role says of a state. A track appears once its first version is stable. */
export function catalogueOf(
  { tracks, metadata }: Pick<State, 'tracks' | 'metadata'>,
  version: number,
  expiresAtMs: EpochMs,
): Catalogue {
  const said: Record<TrackId, TrackReleases> = {};
  const releases: ReleaseTarget[] = [];
  for (const { track, releasing } of tracks.values()) {
    const { floor, revoked, channels } = releasing;
    if (channels.stable === undefined) continue;
    said[track] = { floor, revoked, channels: soundChannels(releasing) };
    for (const { version: released, manifestDigest: digest, manifestBytes: bytes, retired } of releasing.releases) {
      if (!retired) releases.push({ track, version: released, manifest: { digest, bytes } });
    }
  }
  const assignments = metadata.assignments.filter(
    ({ track, channel }) => Object.hasOwn(said, track) && Object.hasOwn(said[track]?.channels ?? {}, channel),
  );
  return { version, expiresAtMs, tracks: said, assignments, releases };
}

/** Versions that a channel may point at, ascending. */
export function servableVersions({ releases, revoked, floor }: TrackReleasing): readonly number[] {
  return releases.flatMap(({ version, retired }) =>
    retired || version < floor || revoked.includes(version) ? [] : [version],
  );
}

/**
 * A channel whose version was revoked while nothing else was legal points at nothing, and is left out: its agents keep
 * their last good model and say so.
 */
function soundChannels(releasing: TrackReleasing): Record<string, Channel> {
  const servable = new Set(servableVersions(releasing));
  const sound = Object.entries(releasing.channels).filter(([, { version }]) => servable.has(version));
  const names = new Set(sound.map(([name]) => name));
  return Object.fromEntries(
    sound.flatMap(([name, { version, shadows }]) =>
      shadows === null || names.has(shadows) ? [[name, { version, shadows }]] : [],
    ),
  );
}
