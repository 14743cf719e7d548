import { ok, type Result, refuse } from '../../../base/fault.ts';
import type { EpochMs } from '../../../base/time.ts';
import type { FederationId } from '../../../proto/ids.ts';
import { signedness } from '../../../proto/release/co-sign.ts';
import type { ReleaseRoot } from '../../../proto/release/documents/root.ts';
import { followRoot } from '../../../proto/release/follow-roots.ts';
import { openPins } from '../../../proto/release/open.ts';
import type { KeyStore } from '../../keys/key-store.ts';
import type { RegistryFaultCode } from '../decide/faults.ts';
import { onlineKeysOf, onlineRoles } from './release-keys.ts';

export type RootProposal = Readonly<{
  vault: KeyStore;
  federation: FederationId;
  current: ReleaseRoot;
  /** In force, as signed; undefined where there are none. */
  pins: Uint8Array | undefined;
  pinsVersion: number;
  nowMs: EpochMs;
}>;

export type NextPins = Readonly<{ version: number; expiresAtMs: EpochMs; signers: readonly string[] }>;

/**
 * Whether a root may follow: one version on, signed by both thresholds, with keys that this coordinator has, and with
 * pins that its own keys for pins have signed: else every agent would refuse what comes under it.
 */
export async function checkNextRoot(
  bytes: Uint8Array,
  newPins: Uint8Array | undefined,
  { vault, federation, current, pins, pinsVersion, nowMs }: RootProposal,
): Promise<Result<Readonly<{ root: ReleaseRoot; pins: NextPins | undefined }>, RegistryFaultCode>> {
  const followed = followRoot(current, bytes);
  if (!followed.ok) return refuse('ROOT_INVALID', followed.fault.message);
  const root = followed.value;
  if (root === null) return refuse('ROOT_INVALID', `root ${current.version} is in force; sign ${current.version + 1}`);
  if (root.expiresAtMs <= nowMs) return refuse('ROOT_INVALID', 'this root has expired already');
  for (const role of onlineRoles) {
    const keys = await onlineKeysOf(vault, root, role);
    if (keys.length >= root.roles[role].threshold) continue;
    return refuse(
      'ROOT_KEY_UNKNOWN',
      `the coordinator has ${keys.length} of the ${root.roles[role].threshold} keys that this root asks of role ` +
        `${role}; name those that it has, or those it has prepared`,
    );
  }
  if (root.roles.pins.publicKeys.length === 0) {
    return pins === undefined && newPins === undefined
      ? ok({ root, pins: undefined })
      : refuse('ROOT_INVALID', 'this root names no key for pins, and there are pins; name one');
  }
  const signed = newPins ?? pins;
  const counted = signed === undefined ? undefined : signedness(root, 'pins', signed);
  if (counted?.ok !== true || counted.value.missing > 0) {
    return refuse('PINS_UNSIGNED', "the pins in force lack signatures by this root's keys; bring pins that have them");
  }
  if (newPins === undefined) return ok({ root, pins: undefined });
  const opened = openPins(newPins, federation);
  if (!opened.ok) return refuse('PINS_INVALID', opened.fault.message);
  const { version, expiresAtMs } = opened.value;
  if (version !== pinsVersion + 1) {
    return refuse(
      'PINS_STALE',
      `pins ${pinsVersion} are in force; those that come with a root must be ${pinsVersion + 1}`,
    );
  }
  return ok({ root, pins: { version, expiresAtMs, signers: counted.value.by } });
}
