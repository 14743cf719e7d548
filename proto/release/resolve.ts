import type { Result } from '../fault.ts';
import type { ClusterId, TrackId } from '../ids.ts';
import type { Catalogue, Pin, Pins, ReleaseTarget } from './catalogue.ts';
import type { LegalityFaultCode } from './faults.ts';

/** Whose version is asked for. */
export type Member = Readonly<{ cluster: ClusterId; labels: Readonly<Record<string, string>> }>;

/** What a cluster runs. */
export type Resolution = Readonly<{
  live: ReleaseTarget;
  because: Readonly<{ kind: 'pin'; pin: Pin } | { kind: 'channel'; channel: string }>;
  /** Beside the live one, for canaries. */
  shadow: Readonly<{ target: ReleaseTarget; channel: string }> | null;
  /** Pins in force for this cluster that could not be followed, and why. */
  overruled: readonly Readonly<{ pin: Pin; why: LegalityFaultCode }>[];
}>;

/** Which version a cluster runs of a track, and which beside it, at a time. */
export declare function resolveRelease(
  member: Member,
  track: TrackId,
  catalogue: Catalogue,
  pins: Pins,
  nowMs: number,
): Result<Resolution, LegalityFaultCode>;

/** Whether a version may run; a fault names the nearest that may, as `fields.nearest`. */
export declare function checkVersion(
  catalogue: Catalogue,
  track: TrackId,
  version: number,
  belowFloor: boolean,
): Result<ReleaseTarget, LegalityFaultCode>;

/** Versions that may run, ascending. */
export declare function legalVersions(catalogue: Catalogue, track: TrackId, belowFloor: boolean): readonly number[];

/** The closest version that may run, the newer of two alike; undefined when none may. */
export declare function nearestLegalVersion(
  catalogue: Catalogue,
  track: TrackId,
  wanted: number,
  belowFloor: boolean,
): number | undefined;

/** Whether a pin may be made now. */
export declare function checkPin(pin: Pin, catalogue: Catalogue, nowMs: number): Result<Pin, LegalityFaultCode>;
