import type { TrackId } from '../../ids.ts';
import type { Catalogue } from './catalogue.ts';
import { manifestPath } from './names.ts';

/** What in a catalogue points at nothing that may run; undefined when all is in order. */
export function danglingIn({ tracks, assignments, releases }: Catalogue): string | undefined {
  const listed = new Set(releases.map(({ track, version }) => manifestPath(track, version)));
  for (const [track, { floor, revoked, channels }] of Object.entries(tracks)) {
    for (const [name, { version, shadows }] of Object.entries(channels)) {
      const at = `${track}'s channel ${name}`;
      if (!listed.has(manifestPath(track as TrackId, version))) return `${at} points at version ${version}, not listed`;
      if (revoked.includes(version)) return `${at} points at version ${version}, revoked`;
      if (version < floor) return `${at} points at version ${version}, below the floor ${floor}`;
      if (shadows === null) continue;
      if (!Object.hasOwn(channels, shadows)) return `${at} shadows ${shadows}, which is not there`;
      if (channels[shadows]?.shadows !== null) return `${at} shadows ${shadows}, which itself shadows another`;
    }
  }
  for (const { track, channel } of assignments) {
    if (!Object.hasOwn(tracks, track) || !Object.hasOwn(tracks[track]?.channels ?? {}, channel)) {
      return `an assignment names ${track}'s channel ${channel}, which is not there`;
    }
  }
  return undefined;
}
