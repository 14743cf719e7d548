import { time } from '../../base/text/table.ts';
import type { Label } from '../../proto/generated/testudo/v1/common.ts';
import type { CreateTokenResponse } from '../../proto/generated/testudo/v1/operator.ts';

/** What a token does to a member that has its name already, and what to type where that was not meant; undefined where nobody has. */
export function takesPlaceText(
  cluster: string,
  { tokenId, memberSinceMs, memberRevoked }: CreateTokenResponse,
  labels: readonly Label[],
): string | undefined {
  if (memberSinceMs === 0n) return undefined;
  const carried = labels.map(({ key, value }) => `${key}=${value}`).join(', ') || 'none';
  const gets = `gets a key of its own, and as labels those of this token (${carried})`;
  const otherwise = `If that is not meant: testudo tokens revoke ${tokenId} --reason …`;
  return memberRevoked
    ? `${cluster} was revoked: whoever uses this token lets it in again, ${gets}. ${otherwise}`
    : `${cluster} is a member since ${time(memberSinceMs)}: whoever uses this token takes its place, ${gets}; what runs there now is ` +
        `refused from then on (CERTIFICATE_SUPERSEDED). Certificates are renewed without any of this. ${otherwise}; for another cluster ` +
        'choose another name';
}
