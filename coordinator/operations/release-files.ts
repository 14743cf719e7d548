import type { Result } from '../../base/fault.ts';
import { isTrackId } from '../../proto/ids.ts';
import type { Actor } from '../ledger/journal/events.ts';
import type { RegistryFaultCode } from '../registry/decide/faults.ts';
import type { Registry } from '../registry/registry.ts';
import { checkId, checkVersion } from '../views/request.ts';
import { checkReason } from './check.ts';
import type { AskedVersion } from './releases.ts';

/** A release as the pieces of one file. */
export function exportRelease(
  registry: Pick<Registry, 'exportRelease'>,
  asked: Readonly<{ track: string; version: AskedVersion }>,
): Result<AsyncIterable<Uint8Array>, RegistryFaultCode | 'REQUEST_INVALID'> {
  const track = checkId('track', asked.track, isTrackId);
  if (!track.ok) return track;
  const version = checkVersion(asked.version);
  return version.ok ? registry.exportRelease(track.value, version.value) : version;
}

/**
 * Takes in a release that another coordinator exported. `trustedRoot`: the root that it must be signed under, empty for
 * this coordinator's own. What `file` throws comes out.
 */
export async function importRelease(
  registry: Pick<Registry, 'importRelease'>,
  actor: Actor,
  {
    file,
    trustedRoot,
    reason,
    dryRun,
  }: Readonly<{ file: AsyncIterable<Uint8Array>; trustedRoot: Uint8Array; reason: string; dryRun: boolean }>,
): Promise<Awaited<ReturnType<Registry['importRelease']>> | Result<never, 'REQUEST_INVALID'>> {
  const unreasoned = checkReason(reason);
  if (unreasoned !== undefined) return unreasoned;
  const given = trustedRoot.byteLength > 0 && { trustedRoot };
  return registry.importRelease(actor, { file, ...given, reason, dryRun });
}
