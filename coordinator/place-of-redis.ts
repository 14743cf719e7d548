import { ok, type Result } from '../base/fault.ts';
import type { RedisConfig } from './config/config.ts';
import { readTrustedAuthority } from './keys/trusted-authority.ts';
import type { RedisPlace } from './queue/redis/redis-place.ts';

/** The Redis of a configuration, with what its `tls.ca` holds. Nothing is asked of it yet. */
export async function placeOfRedis({
  url,
  sentinels,
  tls,
}: RedisConfig): Promise<Result<RedisPlace, 'SECRET_UNAVAILABLE'>> {
  const ca = await readTrustedAuthority('redis.tls.ca', tls?.ca);
  return ca.ok ? ok({ url, sentinels, ca: ca.value }) : ca;
}
