import { z } from 'zod';
import { antibodyBytesMax } from '../../antibody.ts';
import {
  type ClusterId,
  type Digest,
  type FederationId,
  isClusterId,
  isDigest,
  isFederationId,
  isTrackId,
  type TrackId,
} from '../../ids.ts';
import {
  isPlainText,
  isReleaseName,
  isReleaseVersion,
  metadataBytesMax,
  metadataVersionMax,
  parseManifestPath,
} from './names.ts';

/**
 * The shapes of signed metadata after TUF 1.0.34, section 4, as strict as we write it. Members that TUF does not know
 * are let through where TUF defines the object (they are signed like the rest); inside what Testudo defines they are
 * refused: a pin with a condition that this version cannot read must not be followed without it.
 */
const hex = (digits: number) => z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`), `${digits} hexadecimal digits`);
const metadataVersion = z.int().min(1).max(metadataVersionMax);
const releaseVersion = z.custom<number>(isReleaseVersion, 'a version, 0 to 2^53 - 1');
const track = z.custom<TrackId>(isTrackId, 'a track id');
const name = z.custom<string>(isReleaseName, '1 to 63 of a-z, 0-9 and "-"');

const common = {
  spec_version: z.string().regex(/^1\.\d{1,3}(?:\.\d{1,3})?$/, 'TUF of major version 1'),
  version: metadataVersion,
  expires: z.string().refine((text) => expiryText(Date.parse(text)) === text, 'a UTC time to the second'),
  federation: z.custom<FederationId>(isFederationId, 'a federation id'),
};

const file = z.looseObject({
  length: z.int().min(1).max(metadataBytesMax),
  hashes: z.strictObject({ sha256: hex(64) }),
});
const metaFile = file.extend({ version: metadataVersion });

const subject = z.union([
  z.strictObject({ cluster: z.custom<ClusterId>(isClusterId, 'a cluster id') }),
  z.strictObject({ label: z.strictObject({ key: name, value: name }) }),
]);

const role = z.looseObject({
  keyids: z.array(hex(64)).max(32).refine(distinct, 'each key once'),
  threshold: z.int().min(1).max(32),
});

export const rootShape = z.looseObject({
  _type: z.literal('root'),
  ...common,
  consistent_snapshot: z.boolean(),
  keys: z.record(
    hex(64),
    z.looseObject({ keytype: z.string(), scheme: z.string(), keyval: z.looseObject({ public: z.string() }) }),
  ),
  roles: z.looseObject({ root: role, timestamp: role, snapshot: role, targets: role, pins: role }),
});

export const timestampShape = z.looseObject({
  _type: z.literal('timestamp'),
  ...common,
  meta: z.strictObject({ 'snapshot.json': metaFile }),
});

export const snapshotShape = z.looseObject({
  _type: z.literal('snapshot'),
  ...common,
  meta: z.strictObject({ 'targets.json': metaFile, 'pins.json': metaFile.optional() }),
});

const channel = z.strictObject({ version: releaseVersion, shadows: name.nullable() });

export const catalogueShape = z.looseObject({
  _type: z.literal('targets'),
  ...common,
  targets: z.record(
    z.string().refine((path) => parseManifestPath(path) !== undefined, 'TRACK/VERSION/manifest.json'),
    file,
  ),
  delegations: z.never('none: no role but this one speaks for releases').optional(),
  releases: z.strictObject({
    tracks: z.record(
      track,
      z.strictObject({
        floor: releaseVersion,
        revoked: z.array(releaseVersion).refine(ascending, 'ascending, each once'),
        channels: z.record(name, channel),
      }),
    ),
    assignments: z.array(z.strictObject({ track, channel: name, subject })),
  }),
});

const pinId = z.string().regex(/^[a-z0-9]{1,32}$/, '1 to 32 of a-z and 0-9');
const untilMs = z.int().min(0).nullable();
const reason = z.custom<string>((text) => isPlainText(text, 500), '1 to 500 characters, none of them control');
const setBy = z.custom<string>((text) => isPlainText(text, 63), '1 to 63 characters, none of them control');
export const antibodyPin = z.strictObject({
  pinId,
  track,
  subject: subject.nullable(),
  antibody: z.custom<Digest>(isDigest, 'a digest'),
  bytes: z.int().min(1).max(antibodyBytesMax),
  inUse: z.boolean(),
  untilMs,
  reason,
  setBy,
});
/** Antibodies that one set holds clusters to at most. */
const antibodyPinsMax = 64;

export const pinsShape = z.looseObject({
  _type: z.literal('targets'),
  ...common,
  targets: z.strictObject({}),
  delegations: z.never('none: no role but this one speaks for pins').optional(),
  pins: z
    .array(
      z.strictObject({
        pinId,
        track,
        subject,
        version: releaseVersion,
        untilMs,
        belowFloor: z.boolean(),
        reason,
        setBy,
      }),
    )
    .refine((pins) => distinct(pins.map((pin) => pin.pinId)), 'each pin id once'),
  antibodies: z
    .array(antibodyPin)
    .max(antibodyPinsMax)
    .refine((pins) => distinct(pins.map((pin) => pin.pinId)), 'each pin id once')
    .optional(),
  // Read by those who respond to alerts alone (response-policy.ts): one that they cannot read stops no model.
  response: z.looseObject({}).optional(),
});

/** What stands around every signed part. */
export const signedShape = z.strictObject({
  signatures: z
    .array(z.strictObject({ keyid: hex(64), sig: z.string().regex(/^(?:[0-9a-f]{2}){0,512}$/, 'hexadecimal') }))
    .max(64)
    .refine((signatures) => distinct(signatures.map(({ keyid }) => keyid)), 'each key id once'),
  signed: z.looseObject({}),
});

/** TUF's `expires` of a time, whole seconds, rounded down; NaN gives no legal text. */
export function expiryText(ms: number): string {
  // Beyond the year 9999 ISO 8601 grows a sign and digits, which TUF's format does not have.
  return ms >= 0 && ms < 253_402_300_800_000 ? `${new Date(ms).toISOString().slice(0, 19)}Z` : 'never';
}

function distinct(values: readonly unknown[]): boolean {
  return new Set(values).size === values.length;
}

function ascending(values: readonly number[]): boolean {
  return values.every((value, at) => at === 0 || value > (values[at - 1] as number));
}
