import type { Call } from '../coordinator/access/access-control.ts';
import type { SeenPeer } from '../proto/generated/testudo/v1/doors.ts';

/** Who calls here, for the coordinator: what TLS has proven, and nothing of what the call says. */
export function seenPeer({
  certificate,
  address = '',
}: Partial<Pick<Call<'cluster'>, 'certificate' | 'address'>>): SeenPeer {
  const shown =
    certificate !== undefined && 'uri' in certificate ? certificate : { uri: '', serial: '', expiresAtMs: 0 };
  return { uri: shown.uri, serial: shown.serial, expiresAtMs: BigInt(Math.max(0, shown.expiresAtMs)), address };
}
