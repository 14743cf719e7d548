import { z } from 'zod';
import type { Result } from '../base/fault.ts';
import { problemsOfPorts } from '../base/serving/listen.ts';
import { readSettings, type SettingRules, type SettingSources } from '../base/settings.ts';
import {
  type BucketConfig,
  bucketProblems,
  bucketWith,
  type PostgresConfig,
  postgresProblems,
  postgresWith,
} from '../coordinator/config/config.ts';
import { address, configSchema, path, postgres, s3 } from '../coordinator/config/schema.ts';

const { uploads, fetches, watches, enrolments, connections, drainSeconds, log } = configSchema.shape;

/** What `testudo door` obeys. */
const schema = z.strictObject({
  /** What `testudo doors add` wrote: who this door is, and where coordinators are. */
  credentials: path.default('./door.json'),
  /** Sealed updates on their way, copies of what is fetched, credentials renewed since. This process's alone; may be lost. */
  dataDirectory: path.default('./door-data'),
  listen: z
    .strictObject({
      /** Handed on to the coordinator byte by byte. */
      enrolment: address.default('0.0.0.0:7441'),
      /** mTLS; serves clusters. */
      federation: address.default('0.0.0.0:7442'),
      /** Plain HTTP: /healthz, /readyz, /metrics. Keep it inside. */
      health: address.default('127.0.0.1:7443'),
    })
    .prefault({}),
  /** The coordinator's database; this user need only read the journal. */
  journal: z.strictObject({
    postgres: postgres
      .omit({ synchronous: true, leaseSeconds: true })
      /** How long the database may not answer before calls that hang on it are told to come again. */
      .extend({ outageSeconds: z.int().min(1).max(60).default(3) }),
  }),
  /** The coordinator's bucket; this user gets and puts, and deletes what the probe of a start has put. */
  blobs: z.strictObject({ s3 }),
  uploads,
  fetches,
  watches,
  enrolments,
  connections,
  drainSeconds,
  log,
});

type Raw = z.output<typeof schema>;

/** The whole configuration: checked, cross-checked, paths absolute, frozen. */
export type DoorConfig = Readonly<
  Omit<Raw, 'journal' | 'blobs'> & {
    journal: Readonly<{ postgres: PostgresConfig }>;
    blobs: Readonly<{ s3: BucketConfig }>;
  }
>;

const rules: SettingRules<Raw, DoorConfig> = {
  schema,
  prefix: 'TESTUDO_DOOR_',
  fromEnvironment: [
    'credentials',
    'dataDirectory',
    'listen.enrolment',
    'listen.federation',
    'listen.health',
    'journal.postgres.address',
    'blobs.s3.endpoint',
    'blobs.s3.bucket',
    'drainSeconds',
    'log.level',
  ],
  resolved: ({ journal, blobs, ...raw }, absolute) => ({
    ...raw,
    credentials: absolute(raw.credentials),
    dataDirectory: absolute(raw.dataDirectory),
    journal: {
      postgres: postgresWith(
        { ...journal.postgres, synchronous: 'optional', leaseSeconds: 4 },
        absolute,
      ) as PostgresConfig,
    },
    blobs: { s3: bucketWith(blobs.s3, absolute) as BucketConfig },
  }),
  problemsOf: ({ journal, blobs, listen, uploads, fetches, watches }) => [
    ...postgresProblems(journal.postgres),
    ...bucketProblems(blobs.s3),
    ...problemsOfPorts({
      'listen.enrolment': listen.enrolment,
      'listen.federation': listen.federation,
      'listen.health': listen.health,
    }),
    ...Object.entries({ uploads, fetches, watches }).flatMap(([name, { perClusterMax, atOnceMax }]) =>
      perClusterMax > atOnceMax
        ? [`${name}.perClusterMax ${perClusterMax} is above ${name}.atOnceMax ${atOnceMax}`]
        : [],
    ),
  ],
};

/** Reads the file, lays environment and settings over it, and reports every problem together. */
export function readDoorConfig(
  file: string,
  rest: Omit<SettingSources, 'file'> = {},
): Result<DoorConfig, 'CONFIG_INVALID'> {
  return readSettings(file, rest, rules, '; docs/operations.md, "Doors", has one');
}

/** The JSON Schema of door.yaml, for editors. */
export function doorConfigJsonSchema(): object {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
}
