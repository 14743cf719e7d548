import type { EpochMs } from '../../../base/time.ts';
import { antibodiesMax } from '../../../proto/antibody.ts';
import type { KnownAntibody } from '../journal/events.ts';

/**
 * What releases that are made now bring along: neither revoked nor past its end, and of more than a release may hold the newest. There
 * are more where a clock was set back, or where a model waited for its release, since what had ended made room for others.
 */
export function antibodiesInForce(antibodies: readonly KnownAntibody[], nowMs: EpochMs): readonly KnownAntibody[] {
  return antibodies.filter(({ revoked, expiresAtMs }) => revoked === null && nowMs < expiresAtMs).slice(-antibodiesMax);
}
