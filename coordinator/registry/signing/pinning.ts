import { canonicalJson } from '../../../base/canonical-json.ts';
import { ok, type Result, refuse } from '../../../base/fault.ts';
import type { EpochMs } from '../../../base/time.ts';
import type { Digest, FederationId, TrackId } from '../../../proto/ids.ts';
import { mergeSignatures, signedness } from '../../../proto/release/co-sign.ts';
import type { AntibodyPin, Catalogue, Pin, Pins } from '../../../proto/release/documents/catalogue.ts';
import type { ReleaseRoot } from '../../../proto/release/documents/root.ts';
import { checkPin, isInForce } from '../../../proto/release/legality.ts';
import { openPins } from '../../../proto/release/open.ts';
import { readResponsePolicy } from '../../../proto/response-policy.ts';
import type { RegistryFaultCode } from '../decide/faults.ts';

/** Pins that live shorter than this would freeze agents before anyone could sign others. */
const lifeMsMin = 3_600_000;

export type PinsProposal = Readonly<{
  root: ReleaseRoot;
  federation: FederationId;
  /** In force now. */
  current: Pins;
  /** What waits for signatures, if anything does. */
  pending: Uint8Array | undefined;
  catalogue: Catalogue;
  /** Length of an antibody that a track has or had; undefined for none. */
  antibodyBytes(track: TrackId, antibody: Digest): number | undefined;
  nowMs: EpochMs;
}>;

export type CheckedPins = Readonly<{
  pins: Pins;
  /** With every good signature that this version has got so far, and no other. */
  bytes: Uint8Array;
  /** Key ids. */
  signers: readonly string[];
  missing: number;
}>;

/**
 * A pins document that an operator brings: signed by at least one of root's keys for pins, the version after the one in
 * force, and every pin in it that is new may be made now. Its signatures join those of the same document that waits.
 */
export function checkProposal(
  bytes: Uint8Array,
  { root, federation, current, pending, catalogue, antibodyBytes, nowMs }: PinsProposal,
): Result<CheckedPins, RegistryFaultCode> {
  const opened = openPins(bytes, federation);
  if (!opened.ok) return refuse('PINS_INVALID', opened.fault.message);
  const pins = opened.value;
  const own = signedness(root, 'pins', bytes);
  if (!own.ok || own.value.by.length === 0) {
    return refuse('PINS_UNSIGNED', `no key that root ${root.version} names for pins has signed this`);
  }
  if (pins.version !== current.version + 1) {
    return refuse(
      'PINS_STALE',
      `pins ${current.version} are in force and ${pins.version} cannot follow; change those and sign ${current.version + 1}`,
    );
  }
  if (pins.expiresAtMs < nowMs + lifeMsMin) {
    return refuse('PINS_INVALID', 'these pins expire within the hour; sign them for longer');
  }
  const policy = pins.response === undefined ? undefined : readResponsePolicy(pins.response);
  if (policy?.ok === false) return refuse('PINS_INVALID', policy.fault.message);
  const before = new Set(current.pins.map(textOf));
  for (const pin of pins.pins) {
    if (before.has(textOf(pin))) continue; // Made when it was legal; agents pass over it if it no longer is.
    const legal = checkPin(pin, catalogue, nowMs);
    if (!legal.ok) return refuse('PIN_ILLEGAL', `pin ${pin.pinId}: ${legal.fault.message}`, legal.fault.fields);
  }
  const had = new Set((current.antibodies ?? []).map((pin) => canonicalJson(pin)));
  const ids = new Set(pins.pins.map(({ pinId }) => pinId));
  for (const pin of pins.antibodies ?? []) {
    if (ids.has(pin.pinId))
      return refuse('PINS_INVALID', `pin ${pin.pinId} is there twice; each pin has an id of its own`);
    if (had.has(canonicalJson(pin))) continue;
    const why = isInForce(pin, nowMs)
      ? unknownAntibody(pin, antibodyBytes(pin.track, pin.antibody))
      : 'its end has passed';
    if (why !== undefined) return refuse('PIN_ILLEGAL', `pin ${pin.pinId} of an antibody: ${why}`);
  }
  // Another document under the same version replaces the one that waits: its signers must look again.
  const joined = pending === undefined ? undefined : mergeSignatures('pins', [pending, bytes], [root]);
  const merged = joined?.ok === true ? joined : mergeSignatures('pins', [bytes], [root]);
  if (!merged.ok) return refuse('PINS_INVALID', merged.fault.message);
  const counted = signedness(root, 'pins', merged.value);
  if (!counted.ok) return refuse('PINS_INVALID', counted.fault.message);
  return ok({ pins, bytes: merged.value, signers: counted.value.by, missing: counted.value.missing });
}

function unknownAntibody({ track, antibody, bytes }: AntibodyPin, known: number | undefined): string | undefined {
  if (known === undefined) return `${track} never had an antibody ${antibody}; \`testudo antibodies list\` has them`;
  return known === bytes ? undefined : `${antibody} has ${known} bytes, not ${bytes}`;
}

function textOf(pin: Pin): string {
  return canonicalJson(pin);
}
