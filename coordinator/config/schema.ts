import { isIP } from 'node:net';
import { z } from 'zod';
import { deliveryConfig } from '../../base/delivery/delivery-config.ts';
import { isHostName, isListenAddress, listenAddressWanted } from '../../base/serving/listen.ts';
import { isFederationId, isTrackId } from '../../proto/ids.ts';
import { parsePostgresAddress } from '../postgres/address.ts';

export const address = z.string().refine(isListenAddress, listenAddressWanted);
const hostName = z.string().refine(isHostName, 'expected a host name or an IP address');
const whole = (min: number, max: number) => z.int().min(min).max(max);
export const path = z.string().min(1);

function isEndpoint(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) return false;
  return `${url.username}${url.password}${url.search}${url.hash}` === '' && url.pathname === '/';
}

/** Which values of a claim or a header give which role; the highest counts, and none gives none. */
const roleValues = z.strictObject({
  viewer: z.array(z.string()).default([]),
  operator: z.array(z.string()).default([]),
  admin: z.array(z.string()).default([]),
});

const secret = z.union(
  [
    z.strictObject({ file: path }),
    z.strictObject({ environment: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'expected the name of a variable') }),
    z.strictObject({ command: z.array(z.string()).min(1) }),
  ],
  'expected exactly one of file, environment, command (a list: the program and its arguments)',
);

/** The journal, keys and identity in a database, for a successor on another machine; without it they lie in dataDirectory. */
export const postgres = z.strictObject({
  /** Its servers in the order in which they are tried; the primary of them is used. */
  address: z
    .string()
    .refine(
      (text) => parsePostgresAddress(text).ok,
      'expected postgres://user@host[:port][,host[:port]]/database, without a password: that is `password`',
    ),
  password: secret.optional(),
  /** One federation has one; made when it is not there. */
  schema: z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,62}$/, 'expected 1 to 63 of a-z, 0-9 and "_", beginning with a letter')
    .default('testudo'),
  /** Whose certificate the servers must show; without `ca` one that this machine trusts. */
  tls: z.strictObject({ ca: path.optional() }).optional(),
  /** Lets the database be off this machine without TLS. */
  unprotected: z.boolean().default(false),
  /** `required`: nothing is acknowledged that lies on one server alone. */
  synchronous: z.enum(['required', 'optional']).default('optional'),
  /** How long the database may not answer before the coordinator ends: longer than a fail-over takes. */
  outageSeconds: whole(1, 3600).default(30),
  /** How long a successor waits after the last sign of life. */
  leaseSeconds: whole(2, 600).default(4),
});

/** Blobs in a bucket of an S3-compatible store; the data directory then holds copies. Without it blobs lie there alone. */
export const s3 = z.strictObject({
  endpoint: z
    .string()
    .refine(isEndpoint, 'expected https://host[:port], without a path, a name or a password: the bucket is `bucket`'),
  bucket: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'expected 3 to 63 of a-z, 0-9, "." and "-"'),
  region: z.string().min(1).default('us-east-1'),
  /** Before every key, for a bucket that others use too. */
  prefix: z
    .string()
    .regex(/^(?:[A-Za-z0-9._-]{1,64}\/){0,8}$/, 'expected folders that end with "/", such as testudo/')
    .default(''),
  /** The bucket in the path of a URL; false: in the host's name. */
  pathStyle: z.boolean().default(true),
  /** May get, put, delete and list in this bucket; nothing else is needed. */
  credentials: z.strictObject({ accessKeyId: secret, secretAccessKey: secret }),
  /** Whose certificate the store must show; without `ca` one that this machine trusts. */
  tls: z.strictObject({ ca: path.optional() }).optional(),
  /** Lets the store be off this machine without TLS. */
  unprotected: z.boolean().default(false),
  /** How long one request may take, beside the time for its bytes, before it is tried again. */
  patienceSeconds: whole(1, 600).default(20),
  /** How much a worker keeps of what it has fetched. */
  cacheMiB: whole(1, 1 << 24).default(4_096),
});

/** A track that the coordinator makes, or brings to this policy, when it starts. Paths are relative to the file. */
const track = z.strictObject({
  id: z.string().refine(isTrackId, 'expected 1 to 63 of a-z, 0-9 and "-"'),
  /** JSON: architecture, hyperparameters, tensors. */
  spec: path,
  /** The first model: float32, little-endian, in the spec's order. Read only when the track is made. */
  model: path,
  /** YAML or JSON; docs/protocol.md has its schema. */
  policy: path,
});

/** What `testudo coordinator` obeys. Every default is one that is safe on the open internet. */
export const configSchema = z.strictObject({
  federation: z.string().refine(isFederationId, 'expected 1 to 63 of a-z, 0-9 and "-"'),
  dataDirectory: path,
  listen: z
    .strictObject({
      /** Server TLS only; serves Enrol and nothing else. */
      enrolment: address.default('0.0.0.0:7441'),
      /** mTLS; serves everything else. */
      federation: address.default('0.0.0.0:7442'),
      /** Plain HTTP: /healthz, /readyz, /metrics. Keep it inside. */
      health: address.default('127.0.0.1:7443'),
      /** HTTP, or HTTPS with dashboard.tls: the operators' pages. Not served without. */
      dashboard: address.optional(),
    })
    .prefault({}),
  /** Host names and addresses that the server's certificate carries beside coordinator.testudo. */
  serverNames: z.array(hostName).max(64).default([]),
  masterKey: secret,
  /** Where what is true is written down. */
  journal: z.strictObject({ postgres: postgres.optional() }).prefault({}),
  /** Where sealed updates and models lie. */
  blobs: z.strictObject({ s3: s3.optional() }).prefault({}),
  certificates: z
    .strictObject({
      clusterHours: whole(1, 24 * 90).default(24),
      operatorDays: whole(1, 366).default(30),
      serverDays: whole(1, 366).default(7),
      /** Of doors, by which they call and by which clusters know them; a running door renews its own in time. */
      doorDays: whole(1, 366).default(30),
      /** How long after its certificate's end a cluster may come back by its signing key, without a new token. */
      rejoinGraceDays: whole(0, 3_650).default(30),
    })
    .prefault({}),
  uploads: z
    .strictObject({
      atOnceMax: whole(1, 1024).default(32),
      perClusterMax: whole(1, 64).default(2),
      waitingMax: whole(0, 100_000).default(10_000),
      attemptsMax: whole(1, 64).default(4),
      idleSecondsMax: whole(1, 3600).default(20),
      graceSeconds: whole(1, 3600).default(30),
      bytesPerSecondMin: whole(1, 1 << 30).default(16_384),
    })
    .prefault({}),
  /** Models on their way to clusters. How slow one may be is as for uploads. */
  fetches: z
    .strictObject({
      atOnceMax: whole(1, 1024).default(32),
      perClusterMax: whole(1, 64).default(2),
      waitingMax: whole(0, 100_000).default(10_000),
    })
    .prefault({}),
  /** Standing streams. */
  watches: z
    .strictObject({
      atOnceMax: whole(1, 1_000_000).default(20_000),
      perClusterMax: whole(1, 64).default(8),
    })
    .prefault({}),
  enrolments: z
    .strictObject({
      /** Of one address: at once, and then per minute. */
      burst: whole(1, 100_000).default(20),
      perMinute: whole(1, 100_000).default(20),
    })
    .prefault({}),
  /** What peers may hold before anything of ours has read what they say. */
  connections: z
    .strictObject({
      /** Of strangers: at once in all, and of one address (one /64 of IPv6). */
      enrolment: z
        .strictObject({ atOnceMax: whole(1, 100_000).default(256), perAddressMax: whole(1, 100_000).default(32) })
        .prefault({}),
      /** `silentMax` of all that have made no call yet: the oldest gives way to a newer one. `perCallerMax` by certificate. */
      federation: z
        .strictObject({
          atOnceMax: whole(1, 1_000_000).default(20_000),
          perAddressMax: whole(1, 1_000_000).default(4_096),
          silentMax: whole(1, 1_000_000).default(512),
          perCallerMax: whole(1, 1_000_000).default(64),
        })
        .prefault({}),
      /** How long a request may take to arrive. */
      requestSecondsMax: whole(2, 3600).default(20),
      /** Of one peer, of which not all has arrived after a second. */
      slowRequestsMax: whole(1, 1024).default(16),
      /** File descriptors that no connection takes: for journal, blobs, workers and the pages. */
      descriptorsReserved: whole(64, 1_000_000).default(256),
    })
    .prefault({}),
  /** Signed heads of the journal, by which others can tell that nothing in it was rewritten. */
  checkpoints: z
    .strictObject({
      /** A head is signed at each multiple of it. */
      everyEntries: whole(1, 1_000_000).default(256),
    })
    .prefault({}),
  /** How long the signatures over releases last. Agents install nothing new from a coordinator that has stopped signing. */
  releases: z
    .strictObject({
      timestampHours: whole(1, 24 * 30).default(24),
      timestampEveryMinutes: whole(1, 24 * 60).default(60),
      catalogueDays: whole(1, 366).default(7),
      /** Of the roots and the first pins that the coordinator makes; later ones last as long as who signs them says. */
      rootDays: whole(30, 3_650).default(730),
      pinsDays: whole(7, 3_650).default(365),
      /** How long before root or pins expire the log and the metrics warn. */
      expiryWarningDays: whole(1, 365).default(30),
    })
    .prefault({}),
  /** The operators' pages, where listen.dashboard says that they are served. */
  dashboard: z
    .strictObject({
      /** How browsers reach them, where that is not listen.dashboard: through a proxy or an ingress that ends TLS. */
      url: z
        .string()
        .refine((text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ''), 'expected https://host[:port]')
        .optional(),
      /** PEM files that browsers trust; read again every minute. */
      tls: z.strictObject({ certificate: path, key: path }).optional(),
      /** People whom an identity provider knows: authorization code with PKCE. Needs `url`. */
      oidc: z
        .strictObject({
          issuer: z.string().refine((text) => URL.canParse(text), "expected the issuer's URL"),
          clientId: z.string().min(1),
          /** Of a confidential client; a public one has none. */
          clientSecretFile: path.optional(),
          scopes: z.array(z.string()).default(['openid', 'profile', 'email']),
          /** Claims of the ID token: who it is, and what gives a role. */
          nameClaim: z.string().default('preferred_username'),
          roleClaim: z.string().default('groups'),
          roles: roleValues,
        })
        .optional(),
      /** A proxy that has seen who it is, and says so in headers; believed from these addresses alone. */
      proxy: z
        .strictObject({
          addresses: z.array(z.string().refine((text) => isIP(text) !== 0, 'expected an IP address')).min(1),
          nameHeader: z.string().default('x-forwarded-user'),
          roleHeader: z.string().default('x-forwarded-groups'),
          roles: roleValues,
        })
        .optional(),
      /** How long a session lasts, used or not. */
      sessionMinutes: whole(5, 720).default(60),
    })
    .prefault({}),
  /** Wakes rounds and runs aggregation on any number of `testudo worker`. Without it one process does everything. */
  redis: z
    .strictObject({
      /** With sentinels its host is the name under which they know the primary: redis://:password@mymaster. */
      url: z.string().regex(/^rediss?:\/\//, 'expected redis:// or rediss://'),
      /** host:port of Redis Sentinels that say where the primary is, protected as it is. */
      sentinels: z.array(address).max(16).default([]),
      /** Whose certificates Redis and Sentinels must show; without it those that this machine trusts. */
      tls: z.strictObject({ ca: path }).optional(),
      /** Lets Redis be off this machine without a password or without TLS. */
      unprotected: z.boolean().default(false),
    })
    .optional(),
  workers: z
    .strictObject({
      /** How long an aggregation waits for a worker until the coordinator runs it itself. */
      fallbackAfterSeconds: z.union([whole(1, 86_400), z.literal('never')]).default(10),
    })
    .prefault({}),
  /** Where it is told what wants attention (docs/alerts.md). */
  alerts: deliveryConfig,
  /** How long uploads may go on after a stop was asked for. */
  drainSeconds: whole(0, 3600).default(20),
  log: z.strictObject({ level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info') }).prefault({}),
  tracks: z.array(track).max(1000).default([]),
});

export type RawConfig = z.output<typeof configSchema>;
