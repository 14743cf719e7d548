import { type Fault, ok, type Result, refuse } from '../../base/fault.ts';
import { foreign } from './documents/document.ts';
import { rootsMax } from './documents/names.ts';
import { checkSigned, decodeRoot, type ReleaseRole, type ReleaseRoot } from './documents/root.ts';
import type { ReleaseFaultCode } from './faults.ts';
import { type ReleaseTrust, trustedRoot } from './trust.ts';

/**
 * Roots one by one (TUF 1.0.34, 5.3): each exactly one version on, signed by the thresholds of its forerunner and of
 * itself. Stops at the first that is not; what was in order until then stays. Roots no newer than the trusted one are
 * passed over: a set is walked twice, before and after its files are fetched.
 */
export function followRoots(
  trust: ReleaseTrust,
  roots: readonly Uint8Array[],
): Readonly<{ trust: ReleaseTrust; root: ReleaseRoot; fault?: Fault<ReleaseFaultCode> }> {
  let now = { trust, root: trustedRoot(trust) };
  if (roots.length > rootsMax) {
    const { fault } = refuse('METADATA_TOO_LARGE', `root: ${roots.length} roots at once; at most ${rootsMax}`);
    return { ...now, fault };
  }
  for (const bytes of roots) {
    const next = followRoot(now.root, bytes);
    if (!next.ok) return { ...now, fault: next.fault };
    if (next.value === null) continue;
    now = { trust: trustUnder(now.trust, now.root, next.value, bytes), root: next.value };
  }
  return now;
}

/** The root that lawfully follows; null for one that is no newer. */
export function followRoot(current: ReleaseRoot, bytes: Uint8Array): Result<ReleaseRoot | null, ReleaseFaultCode> {
  const decoded = decodeRoot(bytes);
  if (!decoded.ok) return decoded;
  const { root, signed } = decoded.value;
  if (root.federation !== current.federation) return foreign('root', root.federation);
  if (root.version <= current.version) return ok(null);
  if (root.version !== current.version + 1) {
    return refuse('ROOT_SKIPPED', `root: version ${root.version} cannot follow ${current.version}`, {
      role: 'root',
      version: root.version,
    });
  }
  for (const by of [current, root]) {
    const counted = checkSigned(by, 'root', signed);
    if (!counted.ok) return counted;
  }
  return ok(root);
}

/**
 * The trust under a newer root. What a key that was taken away could have signed is forgotten, so that a thief who signed
 * version 4,000,000,000 with it shuts nobody out (TUF 1.0.34, 5.3.11: fast-forward): timestamp and snapshot together, as
 * TUF says, the catalogue with its floors, the pins. Each is forgotten for its own keys alone: whoever owns the
 * coordinator's timestamp key can roll back neither a catalogue nor a pin. A key that only joins takes nothing away.
 */
function trustUnder(trust: ReleaseTrust, before: ReleaseRoot, after: ReleaseRoot, bytes: Uint8Array): ReleaseTrust {
  const lost = (role: ReleaseRole) => {
    const kept = new Set(after.roles[role].publicKeys.map((key) => Buffer.from(key).toString('hex')));
    return before.roles[role].publicKeys.some((key) => !kept.has(Buffer.from(key).toString('hex')));
  };
  const moving = lost('timestamp') || lost('snapshot');
  const { accepted } = trust;
  return {
    ...trust,
    root: Buffer.from(bytes).toString('utf8'),
    accepted: accepted && {
      timestamp: moving ? null : accepted.timestamp,
      snapshot: moving ? null : accepted.snapshot,
      catalogue: lost('targets') ? null : accepted.catalogue,
      pins: lost('pins') ? null : accepted.pins,
    },
    floors: lost('targets') ? {} : trust.floors,
  };
}
