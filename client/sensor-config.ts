import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, isAbsolute, resolve } from 'node:path';
import { z } from 'zod';
import type { Result } from '../base/fault.ts';
import { ok } from '../base/fault.ts';
import { deepFreeze, invalidSettings, layerSettings, type SettingSources } from '../base/settings.ts';
import type { TrackId } from '../proto/ids.ts';
import { address, dataKey, dataKeySource, listen, path, problemsOfTracks, trackEntry } from './config-parts.ts';
import { kubeConfig } from './kube/kube-config.ts';
import { sourceConfig } from './sources/source-config.ts';
import type { DataKeySource } from './storage/data-key.ts';
import { defaultAlertRate } from './tracks/track-kind.ts';
import { defaultKind } from './tracks/track-kinds.ts';

const schema = z.strictObject({
  /** Spool, releases, the node's own normal examples: one sensor's alone. */
  dataDirectory: path,
  /** The node's name, where the hub does not read it from the token; the host's own unless given. */
  node: z.string().min(1).max(253).optional(),
  hub: z.strictObject({
    /** Where the hub serves sensors. */
    address,
    /** Where it admits them. */
    admissionAddress: address,
    /** PEM: the hub's authority. */
    authorityFile: path,
    /** The ServiceAccount token that is projected for the hub, or the token that all sensors share; read at each use. */
    tokenFile: path.default('/var/run/secrets/testudo/token'),
    reconnectSecondsMax: z.number().min(0.01).max(3_600).default(30),
  }),
  dataKey: dataKey.optional(),
  /** As in a client: for the pods of this node alone. */
  kubernetes: kubeConfig.nullable().default(null),
  tracks: z
    .array(trackEntry)
    .min(1)
    .max(16)
    .default([{ id: defaultKind as TrackId, folder: defaultKind }]),
  sources: z.array(sourceConfig).min(1).max(64),
  budget: z
    .strictObject({
      /** Cores' worth of CPU time. */
      coresMax: z.number().min(0.01).max(1_024).default(0.1),
      rssMiBMax: z.number().min(64).default(150),
      /** Of the node's load average, for each of its cores, above which the sensor gives way; null: it does not look. */
      loadMax: z.number().positive().nullable().default(4),
    })
    .prefault({}),
  spool: z.strictObject({ mebibytesMax: z.number().min(1).max(65_536).default(64) }).prefault({}),
  scoring: z
    .strictObject({
      /** The share of a workload's traces that may raise an alarm. */
      alertRate: z.number().positive().max(0.5).default(defaultAlertRate),
      /** Instead of the rate: alarms above the mean by so many standard deviations. */
      deviations: z.number().positive().max(100).nullable().default(null),
      /** A workload's scores before this many traces only set its threshold, where the hub has none for it. */
      warmUp: z.int().min(10).max(1_000_000).default(200),
      callWeights: z.enum(['none', 'tfidf']).default('none'),
    })
    .prefault({}),
  agent: z
    .strictObject({
      keepReleases: z.int().min(1).max(64).default(2),
      /** Root metadata that came by hand. Without it the first root that the hub presents is trusted. */
      trustAnchor: path.optional(),
    })
    .prefault({}),
  health: z
    .strictObject({
      listen: listen.nullable().default('127.0.0.1:9465'),
      sourceSilentMinutesMax: z.number().positive().max(10_080).nullable().default(15),
    })
    .prefault({}),
  log: z
    .strictObject({ level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info') })
    .prefault({}),
});

type Raw = z.infer<typeof schema>;

/** The whole configuration of a sensor: checked, paths absolute, frozen. */
export type SensorConfig = Readonly<Omit<Raw, 'dataKey' | 'node'> & { dataKey: DataKeySource; node: string }>;

/** What the environment may set, as TESTUDO_SENSOR_ and the path in capitals. */
const fromEnvironment = ['dataDirectory', 'node', 'budget.coresMax', 'budget.rssMiBMax', 'health.listen', 'log.level'];

/** Reads the file, if any, lays environment and settings over it, and reports every problem together. */
export function readSensorConfig(
  file: string | undefined,
  rest: Omit<SettingSources, 'file'> = {},
): Result<SensorConfig, 'CONFIG_INVALID'> {
  if (file === undefined) return parseSensorConfig(rest);
  try {
    return parseSensorConfig({ ...rest, file: { path: file, text: readFileSync(file, 'utf8') } });
  } catch (error) {
    return invalidSettings([`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`]);
  }
}

export function parseSensorConfig(sources: SettingSources): Result<SensorConfig, 'CONFIG_INVALID'> {
  const layered = layerSettings(sources, 'TESTUDO_SENSOR_', fromEnvironment);
  if (!layered.ok) return layered;
  const parsed = schema.safeParse(layered.value.root);
  const problems = [...layered.value.problems];
  if (!parsed.success) {
    problems.push(...parsed.error.issues.map((issue) => `${issue.path.join('.') || '(top)'}: ${issue.message}`));
  }
  if (!parsed.success || problems.length > 0) return invalidSettings(problems);
  const unfounded = problemsOfTracks(parsed.data.tracks);
  if (unfounded.length > 0) return invalidSettings(unfounded);
  const folder = sources.file === undefined ? process.cwd() : dirname(resolve(sources.file.path));
  return ok(deepFreeze(withAbsolutePaths(parsed.data, folder)));
}

function withAbsolutePaths(raw: Raw, folder: string): SensorConfig {
  const absolute = (name: string) => (isAbsolute(name) ? name : resolve(folder, name));
  const { dataKey: key, hub, agent } = raw;
  return {
    ...raw,
    dataDirectory: absolute(raw.dataDirectory),
    node: raw.node ?? hostname(),
    hub: { ...hub, authorityFile: absolute(hub.authorityFile), tokenFile: absolute(hub.tokenFile) },
    tracks: raw.tracks.map((one) => (/[/\\]/.test(one.folder) ? { ...one, folder: absolute(one.folder) } : one)),
    sources: raw.sources.map((one) => ('path' in one ? { ...one, path: absolute(one.path) } : one)),
    agent: agent.trustAnchor === undefined ? agent : { ...agent, trustAnchor: absolute(agent.trustAnchor) },
    dataKey: dataKeySource(key, absolute),
  };
}
