import { ok, type Result, refuse } from '../../base/fault.ts';
import type { Digest, TrackId } from '../ids.ts';
import type { Catalogue, Pins } from './documents/catalogue.ts';
import { decodeCatalogue } from './documents/catalogue-document.ts';
import { foreign, type Head, type SignedPart } from './documents/document.ts';
import { decodePins } from './documents/pins-document.ts';
import { checkPointedAt, decodeSnapshot, decodeTimestamp, type Pointer, sha256 } from './documents/pointers.ts';
import { checkSigned, type ReleaseRole, type ReleaseRoot } from './documents/root.ts';
import type { ReleaseFaultCode } from './faults.ts';
import { followRoots } from './follow-roots.ts';
import type { Accepted, ReleaseTrust } from './trust.ts';

/** What came from the coordinator: SubscribeResponse's pieces. */
export type ReceivedReleases = Readonly<{
  roots: readonly Uint8Array[];
  /** Timestamp, snapshot and catalogue all empty: roots alone. */
  timestamp: Uint8Array;
  snapshot: Uint8Array;
  catalogue: Uint8Array;
  /** Empty where the root names no keys for pins. */
  pins: Uint8Array;
}>;

/** A set that passed. Nothing changed: store `next` only after the files were fetched and `walkReleases` passed again. */
export type ReleaseProposal = Readonly<{
  root: ReleaseRoot;
  catalogue: Catalogue;
  /** Version 0 and none, where the root names no keys for pins. */
  pins: Pins;
  /** When the first of the pieces expires, milliseconds since the epoch: nothing new may be installed from then on. */
  expiresAtMs: number;
  next: ReleaseTrust;
}>;

export type ReleaseWalk = Readonly<{
  /**
   * The given trust, or it with newer roots that were in order. Store it at once when it differs, whatever else was
   * refused: a root that takes a stolen key away must not be forgotten (TUF 1.0.34, 5.3.8).
   */
  rooted: ReleaseTrust;
  /** null: roots alone came, and all were in order. */
  result: Result<ReleaseProposal | null, ReleaseFaultCode>;
}>;

/**
 * TUF's client walk (1.0.34, section 5) over one received set: roots, timestamp, snapshot, catalogue and pins, at the
 * given time. Pure, and never throws for what was received.
 */
export function walkReleases(trust: ReleaseTrust, received: ReceivedReleases, nowMs: number): ReleaseWalk {
  const { trust: rooted, root, fault } = followRoots(trust, received.roots);
  if (fault !== undefined) return { rooted, result: { ok: false, fault } };
  const { timestamp, snapshot, catalogue } = received;
  if ([timestamp, snapshot, catalogue].every(({ byteLength }) => byteLength === 0)) return { rooted, result: ok(null) };
  return { rooted, result: walkSet(rooted, root, received, nowMs) };
}

function walkSet(
  trust: ReleaseTrust,
  root: ReleaseRoot,
  received: ReceivedReleases,
  nowMs: number,
): Result<ReleaseProposal, ReleaseFaultCode> {
  const fresh = checkFresh('root', root, nowMs);
  if (!fresh.ok) return fresh;

  const timestamp = decodeTimestamp(received.timestamp);
  if (!timestamp.ok) return timestamp;
  const timestampChecked = checkHead(trust, root, 'timestamp', timestamp.value, received.timestamp, nowMs);
  if (!timestampChecked.ok) return timestampChecked;

  const pointedSnapshot = checkPointedAt('snapshot', timestamp.value.snapshot, received.snapshot, 'timestamp');
  if (!pointedSnapshot.ok) return pointedSnapshot;
  const snapshot = decodeSnapshot(received.snapshot);
  if (!snapshot.ok) return snapshot;
  const snapshotChecked = checkBelow(trust, root, 'snapshot', snapshot.value, received.snapshot, nowMs, {
    pointer: timestamp.value.snapshot,
    by: 'timestamp',
  });
  if (!snapshotChecked.ok) return snapshotChecked;

  const bySnapshot = (pointer: Pointer) => ({ pointer, by: 'snapshot' });
  const pointedCatalogue = checkPointedAt('targets', snapshot.value.catalogue, received.catalogue, 'snapshot');
  if (!pointedCatalogue.ok) return pointedCatalogue;
  const catalogue = decodeCatalogue(received.catalogue);
  if (!catalogue.ok) return catalogue;
  const below = bySnapshot(snapshot.value.catalogue);
  const catalogueChecked = checkBelow(trust, root, 'targets', catalogue.value, received.catalogue, nowMs, below);
  if (!catalogueChecked.ok) return catalogueChecked;
  const floors = raiseFloors(trust, catalogue.value.catalogue);
  if (!floors.ok) return floors;

  const pins = walkPins(trust, root, received.pins, snapshot.value.pins, nowMs);
  if (!pins.ok) return pins;

  const pieces = [root, timestamp.value.head, snapshot.value.head, catalogue.value.head, pins.value.pins];
  const acceptedPins = pins.value.accepted ?? trust.accepted?.pins ?? null;
  return ok({
    root,
    catalogue: catalogue.value.catalogue,
    pins: pins.value.pins,
    expiresAtMs: Math.min(...pieces.map(({ expiresAtMs }) => expiresAtMs)),
    next: {
      ...trust,
      accepted: {
        timestamp: timestampChecked.value,
        snapshot: snapshotChecked.value,
        catalogue: catalogueChecked.value,
        pins: acceptedPins,
      },
      floors: floors.value,
    },
  });
}

type Opened = Readonly<{ head: Head; signed: SignedPart }>;

/** Pins, which only their own keys can make or lift: those missing while the root names such keys are a refusal. */
function walkPins(
  trust: ReleaseTrust,
  root: ReleaseRoot,
  bytes: Uint8Array,
  pointer: Pointer | null,
  nowMs: number,
): Result<Readonly<{ pins: Pins; accepted: Accepted | null }>, ReleaseFaultCode> {
  const isForNobody = root.roles.pins.publicKeys.length === 0;
  if (isForNobody && pointer === null && bytes.byteLength === 0) {
    return ok({ pins: { version: 0, expiresAtMs: root.expiresAtMs, pins: [] }, accepted: null });
  }
  if (pointer === null) {
    const why = isForNobody ? 'and the root names no keys for them, yet they came' : 'and the root names keys for them';
    return refuse('METADATA_MISMATCHED', `pins: the snapshot does not list them, ${why}`, { role: 'pins' });
  }
  const pointed = checkPointedAt('pins', pointer, bytes, 'snapshot');
  if (!pointed.ok) return pointed;
  const pins = decodePins(bytes);
  if (!pins.ok) return pins;
  const checked = checkBelow(trust, root, 'pins', pins.value, bytes, nowMs, { pointer, by: 'snapshot' });
  return checked.ok ? ok({ pins: pins.value.pins, accepted: checked.value }) : checked;
}

/** As `checkHead`, for a piece whose version another one names. */
function checkBelow(
  trust: ReleaseTrust,
  root: ReleaseRoot,
  role: Exclude<ReleaseRole, 'root'>,
  opened: Opened,
  bytes: Uint8Array,
  nowMs: number,
  { pointer, by }: Readonly<{ pointer: Pointer; by: string }>,
): Result<Accepted, ReleaseFaultCode> {
  const checked = checkHead(trust, root, role, opened, bytes, nowMs);
  if (!checked.ok || opened.head.version === pointer.version) return checked;
  const message = `${role}: version ${opened.head.version}, and the ${by} says ${pointer.version}`;
  return refuse('METADATA_MISMATCHED', message, { role });
}

/** Who signed, for whom, that it does not go back, and that it has not expired: in TUF's order. */
function checkHead(
  trust: ReleaseTrust,
  root: ReleaseRoot,
  role: Exclude<ReleaseRole, 'root'>,
  { head, signed }: Opened,
  bytes: Uint8Array,
  nowMs: number,
): Result<Accepted, ReleaseFaultCode> {
  const counted = checkSigned(root, role, signed);
  if (!counted.ok) return counted;
  if (head.federation !== root.federation) return foreign(role, head.federation);
  const digest = `sha256:${sha256(bytes)}` as Digest;
  const before = trust.accepted?.[role === 'targets' ? 'catalogue' : role];
  if (before && head.version < before.version) {
    const message = `${role}: version ${head.version} after ${before.version}`;
    return refuse('METADATA_ROLLED_BACK', message, { role, version: head.version, trusted: before.version });
  }
  if (before && head.version === before.version && digest !== before.digest) {
    const message = `${role}: another version ${head.version} than the one accepted before`;
    return refuse('METADATA_EQUIVOCATED', message, { role, version: head.version });
  }
  const fresh = checkFresh(role, head, nowMs);
  return fresh.ok ? ok({ version: head.version, digest }) : fresh;
}

function checkFresh(
  role: ReleaseRole,
  { version, expiresAtMs }: Readonly<{ version: number; expiresAtMs: number }>,
  nowMs: number,
): Result<void, 'METADATA_EXPIRED'> {
  if (nowMs < expiresAtMs) return ok(undefined);
  const message = `${role}: version ${version} expired at ${new Date(expiresAtMs).toISOString()}`;
  return refuse('METADATA_EXPIRED', message, { role, version, expiresAtMs });
}

/** Floors with the catalogue's: they only rise. A track that it leaves out keeps the one it had. */
function raiseFloors({ floors }: ReleaseTrust, { tracks }: Catalogue): Result<ReleaseTrust['floors'], 'FLOOR_LOWERED'> {
  const raised: Record<TrackId, number> = { ...floors };
  for (const [track, { floor }] of Object.entries(tracks)) {
    // Object.entries forgets that keys are track ids; the shape checked them.
    const before = Object.hasOwn(floors, track) ? (floors[track as TrackId] ?? 0) : 0;
    if (floor < before) {
      return refuse('FLOOR_LOWERED', `targets: lowers ${track}'s floor from ${before} to ${floor}`, {
        role: 'targets',
      });
    }
    raised[track as TrackId] = floor;
  }
  return ok(raised);
}
