import type { TrackId } from '../../proto/ids.ts';
import type { AntibodyPin, ReleaseTarget } from '../../proto/release/documents/catalogue.ts';
import type { Resolution } from '../../proto/release/resolve.ts';
import type { Because, HeldRelease, HeldTrack } from './agent-store.ts';

/** What a track holds once a target is live: what was live before comes first among the `keep` earlier ones. */
export function heldAfter(
  { live, earlier }: HeldTrack,
  target: ReleaseTarget,
  because: Because,
  { nowMs, keep, antibodyPins = [] }: Readonly<{ nowMs: number; keep: number; antibodyPins?: readonly AntibodyPin[] }>,
): HeldTrack {
  const pinned = antibodyPins.length === 0 ? {} : { antibodyPins };
  if (live !== null && isSameTarget(live.target, target)) {
    const { antibodyPins: _, ...same } = live;
    return { live: { ...same, because, ...pinned }, earlier };
  }
  const next: HeldRelease = { target, because, installedAtMs: nowMs, ...pinned };
  const others = [...(live === null ? [] : [live]), ...earlier].filter((one) => !isSameTarget(one.target, target));
  return { live: next, earlier: others.slice(0, keep) };
}

/** Everything that a track holds, the live release first. */
export function everyHeld({ live, earlier }: HeldTrack): readonly HeldRelease[] {
  return live === null ? earlier : [live, ...earlier];
}

/** The tracks with one of them as it is in `from`. */
export function withTrackOf(
  tracks: Readonly<Record<TrackId, HeldTrack>>,
  track: TrackId,
  from: Readonly<Record<TrackId, HeldTrack>>,
): Readonly<Record<TrackId, HeldTrack>> {
  const { [track]: _, ...others } = tracks;
  const held = from[track];
  return held === undefined ? others : { ...others, [track]: held };
}

export function becauseOf({ because }: Resolution): Because {
  if (because.kind === 'channel') return { kind: 'channel', channel: because.channel };
  const { pinId, untilMs, reason, setBy } = because.pin;
  return { kind: 'pin', pinId, untilMs, reason, setBy };
}

/** Whether a release that is loaded has the antibodies that these pins ask for. */
export function isHeldAs(loaded: readonly AntibodyPin[], wanted: readonly AntibodyPin[]): boolean {
  const text = (pins: readonly AntibodyPin[]) =>
    JSON.stringify(pins.map((pin) => [pin.antibody, pin.inUse, pin.pinId]));
  return text(loaded) === text(wanted);
}

export function isSameTarget(a: ReleaseTarget | undefined, b: ReleaseTarget): boolean {
  return a?.track === b.track && a.version === b.version && a.manifest.digest === b.manifest.digest;
}
