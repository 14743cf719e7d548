import { isTrackId, type TrackId } from '../../ids.ts';

/** Metadata versions are u32 on the wire. */
export const metadataVersionMax = 0xffff_ffff;

/** No piece of signed metadata is longer, bytes: checked before anything is read from it. */
export const metadataBytesMax = 262_144;

/** Roots that one walk follows, as TUF 1.0.34 advises (5.3.3): a chain without end ends here. */
export const rootsMax = 1024;

const name = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** Channels, label keys and label values: the contract's names (proto/testudo/v1/common.proto). */
export function isReleaseName(text: unknown): text is string {
  return typeof text === 'string' && name.test(text);
}

/** A release's version: 0 (a track's first model) to 2^53 - 1; -0, which JSON may say, would not be written as it was read. */
export function isReleaseVersion(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && !Object.is(value, -0);
}

/** What the catalogue calls a release: `TRACK/VERSION/manifest.json`. */
export function manifestPath(track: TrackId, version: number): string {
  return `${track}/${version}/manifest.json`;
}

/** The release that a target's path names; undefined for any other text, however it is dressed up. */
export function parseManifestPath(path: string): Readonly<{ track: TrackId; version: number }> | undefined {
  const [track, digits, file, ...rest] = path.split('/');
  if (!isTrackId(track) || !/^(?:0|[1-9]\d{0,15})$/.test(digits ?? '') || file !== 'manifest.json') return undefined;
  const version = Number(digits);
  return rest.length === 0 && isReleaseVersion(version) ? { track, version } : undefined;
}

/** Text that people wrote and that reaches terminals and logs: well-formed, without control characters. */
export function isPlainText(text: unknown, lengthMax: number): text is string {
  if (typeof text !== 'string' || text.length === 0 || text.length > lengthMax || !text.isWellFormed()) return false;
  return !/\p{Cc}|[\u2028\u2029\u202a-\u202e\u2066-\u2069]/u.test(text);
}
