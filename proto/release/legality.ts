import { ok, type Result, refuse } from '../../base/fault.ts';
import { instantText } from '../../base/text/instant-text.ts';
import type { TrackId } from '../ids.ts';
import type { Catalogue, Pin, ReleaseTarget, TrackReleases } from './documents/catalogue.ts';
import type { LegalityFaultCode } from './faults.ts';

type Refusal = Exclude<LegalityFaultCode, 'NO_LEGAL_VERSION'>;

/** A track of the catalogue; undefined for an unknown one, whatever its name ("constructor" is a legal track id). */
export function trackIn(catalogue: Catalogue, track: TrackId): TrackReleases | undefined {
  return Object.hasOwn(catalogue.tracks, track) ? catalogue.tracks[track] : undefined;
}

/**
 * Whether a version may run: released and still kept, not revoked, not below the floor unless by the signed exception.
 * A fault says which version comes nearest, in its message and as `fields.nearest`.
 */
export function checkVersion(
  catalogue: Catalogue,
  track: TrackId,
  version: number,
  belowFloor: boolean,
): Result<ReleaseTarget, Refusal> {
  const releases = trackIn(catalogue, track);
  if (releases === undefined) return refuse('TRACK_UNKNOWN', `${track}: no such track has releases`, { track });
  const target = catalogue.releases.find((release) => release.track === track && release.version === version);
  const refused = (code: Refusal, why: string) => {
    const nearest = nearestLegalVersion(catalogue, track, version, belowFloor);
    const remedy = nearest === undefined ? 'no version may run' : `the nearest that may run is ${nearest}`;
    const fields = { track, version, ...(nearest === undefined ? {} : { nearest }) };
    return refuse(code, `${track} ${version}: ${why}; ${remedy}`, fields);
  };
  if (releases.revoked.includes(version)) return refused('VERSION_REVOKED', 'revoked');
  if (target === undefined) return refused('VERSION_UNKNOWN', 'never released, or no longer kept');
  if (version >= releases.floor || belowFloor) return ok(target);
  return refused('VERSION_BELOW_FLOOR', `below the floor ${releases.floor}, which needs a signed exception`);
}

/** Versions of a track that may run, ascending. */
export function legalVersions(catalogue: Catalogue, track: TrackId, belowFloor: boolean): readonly number[] {
  const releases = trackIn(catalogue, track);
  if (releases === undefined) return [];
  return catalogue.releases
    .filter((release) => release.track === track && !releases.revoked.includes(release.version))
    .map(({ version }) => version)
    .filter((version) => belowFloor || version >= releases.floor)
    .sort((a, b) => a - b);
}

/** The closest version that may run, the newer of two as close; undefined when none may. */
export function nearestLegalVersion(
  catalogue: Catalogue,
  track: TrackId,
  wanted: number,
  belowFloor: boolean,
): number | undefined {
  const legal = legalVersions(catalogue, track, belowFloor);
  return legal.toReversed().sort((a, b) => Math.abs(a - wanted) - Math.abs(b - wanted))[0];
}

/** Whether a pin may be made now: its version may run, and its end lies ahead. */
export function checkPin(pin: Pin, catalogue: Catalogue, nowMs: number): Result<Pin, Refusal> {
  if (!isInForce(pin, nowMs)) {
    const until = instantText(pin.untilMs ?? 0);
    return refuse('PIN_EXPIRED', `pin of ${pin.track} ${pin.version}: its end, ${until}, has passed; give a later one`);
  }
  const version = checkVersion(catalogue, pin.track, pin.version, pin.belowFloor);
  return version.ok ? ok(pin) : version;
}

/** A pin ends at its `untilMs`. */
export function isInForce({ untilMs }: Pick<Pin, 'untilMs'>, nowMs: number): boolean {
  return untilMs === null || nowMs < untilMs;
}
