import type { ConnectionOptions } from 'node:tls';

/** Where a Redis is: at its URL, or at whatever Sentinels say is the primary whose name is the URL's host. */
export type RedisPlace = Readonly<{
  /** redis:// or rediss://, with credentials where needed. Never logged. */
  url: string;
  /** host:port of each. Asked with the URL's credentials and, for rediss://, by TLS, as Redis itself is. */
  sentinels?: readonly string[] | undefined;
  /** PEM: whose certificates Redis and Sentinels must show, for rediss:// alone. Without it those that this machine trusts. */
  ca?: string | undefined;
}>;

type Retry = (times: number) => number | null;
type Locks<User extends string, Secret extends string> = { [Name in User | Secret]?: string };

type BySentinels = Locks<'username', 'password'> &
  Locks<'sentinelUsername', 'sentinelPassword'> & {
    sentinels: { host: string; port: number }[];
    name: string;
    db: number;
    tls?: ConnectionOptions;
    sentinelTLS?: ConnectionOptions;
    enableTLSForSentinelMode?: boolean;
    socketTimeout?: number;
    sentinelRetryStrategy: Retry;
  };

/**
 * Of a connection, for ioredis and for BullMQ. `retry`: how long to wait before another attempt; null: none. `answersWithinMs`: one
 * that says nothing for so long is left and made anew, by what Sentinels say then: a primary that is frozen keeps its connections. Not
 * for who blocks in a read.
 */
export function addressOf(
  { url, sentinels = [], ca }: RedisPlace,
  { retry, answersWithinMs }: Readonly<{ retry: Retry; answersWithinMs?: number | undefined }>,
): { url: string; tls?: ConnectionOptions } | BySentinels {
  const tls = ca === undefined ? {} : { ca };
  if (sentinels.length === 0) return ca === undefined ? { url } : { url, tls };
  const { protocol, hostname, username, password, pathname } = new URL(url);
  const [user, secret] = [decodeURIComponent(username), decodeURIComponent(password)];
  return {
    sentinels: sentinels.map((text) => {
      const colon = text.lastIndexOf(':');
      return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) };
    }),
    name: decodeURIComponent(hostname),
    db: Number(pathname.slice(1) || 0),
    ...(user !== '' && { username: user, sentinelUsername: user }),
    ...(secret !== '' && { password: secret, sentinelPassword: secret }),
    ...(protocol === 'rediss:' && { tls, enableTLSForSentinelMode: true, sentinelTLS: tls }),
    sentinelRetryStrategy: retry,
    ...(answersWithinMs !== undefined && { socketTimeout: answersWithinMs }),
  };
}
