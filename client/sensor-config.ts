import { hostname } from 'node:os';
import { z } from 'zod';
import type { Result } from '../base/fault.ts';
import { parseSettings, readSettings, type SettingRules, type SettingSources } from '../base/settings.ts';
import {
  absoluteSource,
  absoluteTrack,
  address,
  dataKey,
  dataKeySource,
  listen,
  log,
  path,
  problemsOfTracks,
  scoring,
  sourceSilentMinutesMax,
  trackEntries,
} from './config-parts.ts';
import { kubeConfig } from './kube/kube-config.ts';
import { sourceConfig } from './sources/source-config.ts';
import type { DataKeySource } from './storage/data-key.ts';

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
  tracks: trackEntries,
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
  /** As in a client; where the hub has a threshold for a workload, that one counts. */
  scoring: z.strictObject(scoring).prefault({}),
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
      sourceSilentMinutesMax,
    })
    .prefault({}),
  log,
});

type Raw = z.infer<typeof schema>;

/** The whole configuration of a sensor: checked, paths absolute, frozen. */
export type SensorConfig = Readonly<Omit<Raw, 'dataKey' | 'node'> & { dataKey: DataKeySource; node: string }>;

/** What the environment may set, as TESTUDO_SENSOR_ and the path in capitals. */
const fromEnvironment = ['dataDirectory', 'node', 'budget.coresMax', 'budget.rssMiBMax', 'health.listen', 'log.level'];

const rules: SettingRules<Raw, SensorConfig> = {
  schema,
  prefix: 'TESTUDO_SENSOR_',
  fromEnvironment,
  resolved: withAbsolutePaths,
  problemsOf: ({ tracks }) => problemsOfTracks(tracks),
};

/** Reads the file, if any, lays environment and settings over it, and reports every problem together. */
export function readSensorConfig(
  file: string | undefined,
  rest: Omit<SettingSources, 'file'> = {},
): Result<SensorConfig, 'CONFIG_INVALID'> {
  return readSettings(file, rest, rules);
}

export function parseSensorConfig(sources: SettingSources): Result<SensorConfig, 'CONFIG_INVALID'> {
  return parseSettings(sources, rules);
}

function withAbsolutePaths(raw: Raw, absolute: (name: string) => string): SensorConfig {
  const { dataKey: key, hub, agent } = raw;
  return {
    ...raw,
    dataDirectory: absolute(raw.dataDirectory),
    node: raw.node ?? hostname(),
    hub: { ...hub, authorityFile: absolute(hub.authorityFile), tokenFile: absolute(hub.tokenFile) },
    tracks: raw.tracks.map((one) => absoluteTrack(one, absolute)),
    sources: raw.sources.map((one) => absoluteSource(one, absolute)),
    agent: agent.trustAnchor === undefined ? agent : { ...agent, trustAnchor: absolute(agent.trustAnchor) },
    dataKey: dataKeySource(key, absolute),
  };
}
