import { sep } from 'node:path';
import { z } from 'zod';
import { withAbsoluteSinks } from '../../base/delivery/delivery-config.ts';
import type { Result } from '../../base/fault.ts';
import { hostOf, problemsOfPorts } from '../../base/serving/listen.ts';
import { parseSettings, readSettings, type SettingRules, type SettingSources } from '../../base/settings.ts';
import type { FederationId, TrackId } from '../../proto/ids.ts';
import type { MasterKeySource, SecretSource } from '../keys/master-key.ts';
import { parsePostgresAddress } from '../postgres/address.ts';
import { configSchema, type RawConfig } from './schema.ts';

export type TrackFile = Readonly<{ id: TrackId; spec: string; model: string; policy: string }>;

/** A database that holds journal, keys and identity. */
export type PostgresConfig = Readonly<
  Omit<NonNullable<RawConfig['journal']['postgres']>, 'password'> & { password: SecretSource | null }
>;

/** A bucket that holds blobs. */
export type BucketConfig = Readonly<
  Omit<NonNullable<RawConfig['blobs']['s3']>, 'credentials'> & {
    credentials: Readonly<{ accessKeyId: SecretSource; secretAccessKey: SecretSource }>;
  }
>;

export type RedisConfig = Readonly<NonNullable<RawConfig['redis']>>;

/** The whole configuration: checked, cross-checked, paths absolute, frozen. */
export type CoordinatorConfig = Readonly<
  Omit<RawConfig, 'federation' | 'masterKey' | 'tracks' | 'redis' | 'journal' | 'blobs'> & {
    federation: FederationId;
    masterKey: MasterKeySource;
    journal: Readonly<{ postgres: PostgresConfig | null }>;
    blobs: Readonly<{ s3: BucketConfig | null }>;
    tracks: readonly TrackFile[];
    redis: RedisConfig | null;
  }
>;

/** Relative paths in the file are relative to where it lies. */
export type ConfigSources = SettingSources & Readonly<Pick<Required<SettingSources>, 'file'>>;

/** The JSON Schema of the file, for editors. What settings have against one another is said at the start alone. */
export function coordinatorConfigJsonSchema(): object {
  return z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' });
}

/** What the environment may set, as TESTUDO_ and the path in capitals: TESTUDO_LISTEN_HEALTH, TESTUDO_DATA_DIRECTORY. */
const fromEnvironment = [
  'federation',
  'dataDirectory',
  'listen.enrolment',
  'listen.federation',
  'listen.health',
  'listen.dashboard',
  'dashboard.url',
  'journal.postgres.address',
  'blobs.s3.endpoint',
  'blobs.s3.bucket',
  'redis.url',
  'drainSeconds',
  'log.level',
] as const;

const rules: SettingRules<RawConfig, CoordinatorConfig> = {
  schema: configSchema,
  prefix: 'TESTUDO_',
  fromEnvironment,
  resolved,
  problemsOf: crossChecks,
};

export function readConfigFile(
  path: string,
  rest: Omit<ConfigSources, 'file'> = {},
): Result<CoordinatorConfig, 'CONFIG_INVALID'> {
  return readSettings(path, rest, rules, '; `testudo coordinator init` makes one');
}

/** Parsed once, every problem reported together. */
export function parseConfig(sources: ConfigSources): Result<CoordinatorConfig, 'CONFIG_INVALID'> {
  return parseSettings(sources, rules);
}

function resolved(raw: RawConfig, absolute: (path: string) => string): CoordinatorConfig {
  const { masterKey, tracks, redis, dashboard, journal, blobs, ...rest } = raw;
  return {
    ...rest,
    dashboard: dashboardWith(dashboard, absolute),
    alerts: withAbsoluteSinks(raw.alerts, absolute),
    federation: raw.federation as FederationId,
    dataDirectory: absolute(raw.dataDirectory),
    redis: redis === undefined ? null : { ...redis, ...(redis.tls && { tls: { ca: absolute(redis.tls.ca) } }) },
    masterKey: secretSource(masterKey, absolute),
    journal: { postgres: postgresWith(journal.postgres, absolute) },
    blobs: { s3: bucketWith(blobs.s3, absolute) },
    tracks: tracks.map(({ id, spec, model, policy }) => ({
      id: id as TrackId,
      spec: absolute(spec),
      model: absolute(model),
      policy: absolute(policy),
    })),
  };
}

function secretSource(source: RawConfig['masterKey'], absolute: (path: string) => string): SecretSource {
  if ('file' in source) return { kind: 'file', path: absolute(source.file) };
  if ('environment' in source) return { kind: 'environment', variable: source.environment };
  return { kind: 'command', command: source.command as [string, ...string[]] };
}

export function postgresWith(
  raw: RawConfig['journal']['postgres'],
  absolute: (path: string) => string,
): PostgresConfig | null {
  if (raw === undefined) return null;
  const { password, tls, ...rest } = raw;
  return {
    ...rest,
    password: password === undefined ? null : secretSource(password, absolute),
    ...(tls && { tls: tls.ca === undefined ? {} : { ca: absolute(tls.ca) } }),
  };
}

export function bucketWith(raw: RawConfig['blobs']['s3'], absolute: (path: string) => string): BucketConfig | null {
  if (raw === undefined) return null;
  const { credentials, tls, ...rest } = raw;
  return {
    ...rest,
    credentials: {
      accessKeyId: secretSource(credentials.accessKeyId, absolute),
      secretAccessKey: secretSource(credentials.secretAccessKey, absolute),
    },
    ...(tls && { tls: tls.ca === undefined ? {} : { ca: absolute(tls.ca) } }),
  };
}

function dashboardWith({ tls, oidc, ...pages }: RawConfig['dashboard'], absolute: (path: string) => string) {
  const secret = oidc?.clientSecretFile;
  return {
    ...pages,
    ...(tls && { tls: { certificate: absolute(tls.certificate), key: absolute(tls.key) } }),
    ...(oidc && {
      oidc: { ...oidc, ...(secret !== undefined && { clientSecretFile: absolute(secret) }) },
    }),
  };
}

/** Limits against one another. A track's policy is checked against its rule where it is read (quorum below 2f + 3). */
function crossChecks({
  listen,
  uploads,
  fetches,
  watches,
  masterKey,
  dataDirectory,
  tracks,
  redis,
  dashboard,
  journal,
  blobs,
}: CoordinatorConfig): string[] {
  const problems: string[] = [];
  if (redis !== null) problems.push(...redisProblems(redis));
  if (journal.postgres !== null) problems.push(...postgresProblems(journal.postgres));
  if (blobs.s3 !== null) problems.push(...bucketProblems(blobs.s3));
  const { enrolment, federation, health } = listen;
  problems.push(
    ...problemsOfPorts({
      'listen.enrolment': enrolment,
      'listen.federation': federation,
      'listen.health': health,
      'listen.dashboard': listen.dashboard,
    }),
    ...dashboardProblems(listen.dashboard, dashboard),
  );
  for (const [name, { perClusterMax, atOnceMax }] of Object.entries({ uploads, fetches, watches })) {
    if (perClusterMax > atOnceMax) {
      problems.push(`${name}.perClusterMax ${perClusterMax} is above ${name}.atOnceMax ${atOnceMax}`);
    }
  }
  if (masterKey.kind === 'file' && masterKey.path.startsWith(dataDirectory + sep)) {
    problems.push('masterKey.file lies in dataDirectory: whoever copies the data copies its key; keep it elsewhere');
  }
  const ids = tracks.map(({ id }) => id);
  for (const id of new Set(ids.filter((id, at) => ids.indexOf(id) !== at)))
    problems.push(`tracks: ${id} is listed twice`);
  return problems;
}

/** A session's cookie is as good as its holder's certificate: off this machine it goes over TLS alone. */
function dashboardProblems(listen: string | undefined, { url, tls, oidc }: CoordinatorConfig['dashboard']): string[] {
  const unnamed =
    oidc !== undefined && url === undefined
      ? ['dashboard.oidc needs dashboard.url: where people are sent back to']
      : [];
  if (listen === undefined || tls !== undefined || url?.startsWith('https:')) return unnamed;
  if (isLoopback(hostOf(listen))) return unnamed;
  return [
    ...unnamed,
    'listen.dashboard: off this machine it wants dashboard.tls, or a dashboard.url with https:// of a proxy that ends TLS',
  ];
}

/** Whoever can write to Redis can hold up rounds, and who listens learns of them: off this machine it wants a lock. */
function redisProblems({ url, sentinels, tls, unprotected }: RedisConfig): string[] {
  if (!URL.canParse(url)) return ['redis.url: expected redis://[user:password@]host[:port], or rediss:// for TLS'];
  const { hostname, port, protocol, password, pathname } = new URL(url);
  if (sentinels.length > 0 && (hostname === '' || port !== '' || !/^(?:\/\d{0,5})?$/.test(pathname)))
    return ['redis.url: with redis.sentinels its host is the name of the primary and has no port: redis://mymaster'];
  if (tls !== undefined && protocol !== 'rediss:') return ['redis.tls is for TLS: write rediss:// in redis.url'];
  if (unprotected) return [];
  const hosts = sentinels.length > 0 ? sentinels.map((each) => hostOf(each)) : [hostname];
  if (hosts.every((each) => isLoopback(each))) return [];
  const missing = [...(password === '' ? ['a password'] : []), ...(protocol === 'rediss:' ? [] : ['TLS (rediss://)'])];
  if (missing.length === 0) return [];
  return [`redis.url: Redis on another machine wants ${missing.join(' and ')}; or say redis.unprotected: true`];
}

/** Its rows name every cluster, and whoever can change them changes what is true: off this machine it wants TLS. */
export function postgresProblems({ address, tls, unprotected }: PostgresConfig): string[] {
  const parsed = parsePostgresAddress(address);
  if (!parsed.ok || tls !== undefined || unprotected) return [];
  if (parsed.value.hosts.every(({ host }) => isLoopback(host) || host === '::1')) return [];
  return ['journal.postgres: a database on another machine wants tls; or say journal.postgres.unprotected: true'];
}

/** Updates are sealed and everything is known by its digest, but whoever listens reads models, and gets to know the key's id. */
export function bucketProblems({ endpoint, unprotected }: BucketConfig): string[] {
  const { protocol, hostname } = new URL(endpoint);
  if (protocol === 'https:' || unprotected || isLoopback(hostname)) return [];
  return ['blobs.s3.endpoint: a store on another machine wants https://; or say blobs.s3.unprotected: true'];
}

function isLoopback(host: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(host);
}
