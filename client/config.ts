import { z } from 'zod';
import { deliveryConfig, withAbsoluteSinks } from '../base/delivery/delivery-config.ts';
import type { Result } from '../base/fault.ts';
import { problemsOfPorts } from '../base/serving/listen.ts';
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
  secret,
  secretSource,
  sourceSilentMinutesMax,
  track,
  trackEntries,
} from './config-parts.ts';
import { type HubConfig, hubConfig } from './hub/hub-config.ts';
import { kubeConfig } from './kube/kube-config.ts';
import { defaultBufferSizes } from './learning/example-buffer.ts';
import type { SecretSource } from './link/join-token-source.ts';
import { sourceConfig } from './sources/source-config.ts';
import type { DataKeySource } from './storage/data-key.ts';

const schema = z.strictObject({
  /** Identity, buffer, outbox, models, alerts: one client's alone. */
  dataDirectory: path,
  coordinator: z.strictObject({
    /** Tried in turn. */
    addresses: z.tuple([address], address),
    /** Where Enrol is served, several tried in turn; the addresses unless said otherwise. */
    enrolAddress: z.union([address, z.tuple([address], address)]).optional(),
    silenceSecondsMax: z.number().min(1).max(3_600).default(75),
    reconnectSecondsMax: z.number().min(0.01).max(3_600).default(60),
  }),
  /** Needed until the cluster is enrolled. */
  joinToken: secret.optional(),
  /** What encrypts everything at rest; a key file beside the data unless said otherwise. */
  dataKey: dataKey.optional(),
  /**
   * Which tracks this cluster takes part in. `folder` says what kind of track it is: a folder below client/tracks/ or
   * a path of your own; the one that is named like the track unless given.
   */
  tracks: trackEntries,
  sources: z.array(sourceConfig).max(64).default([]),
  /** Made by `testudo profile`: what workloads did before they shipped. For every track that takes such files. */
  baselines: z.array(path).max(256).default([]),
  buffer: z
    .strictObject({
      recent: z.int().min(1).max(1_000_000).default(defaultBufferSizes.recent),
      reservoir: z.int().min(1).max(1_000_000).default(defaultBufferSizes.reservoir),
      hard: z.int().min(1).max(100_000).default(defaultBufferSizes.hard),
      regression: z.int().min(1).max(100_000).default(defaultBufferSizes.regression),
    })
    .prefault({}),
  training: z
    .strictObject({
      enabled: z.boolean().default(true),
      /** Cores' worth of CPU time that training may use on average. */
      coresMax: z.number().min(0.01).max(1_024).default(1),
      /** Of client and training process together; 700 for the first track and as much for each further one if not said. */
      rssMiBMax: z.number().min(64).optional(),
      /** Training pauses while the client's event loop is later than this. */
      loopDelayMsMax: z.number().min(1).default(250),
      gradientClipNorm: z.number().positive().default(1),
      /** How often an epoch shows each false positive that an operator marked. */
      hardRepeats: z.int().min(1).max(100).default(4),
      /** How long an invitation waits for the sources to yield anything, before the round is given up. */
      firstExamplesSecondsMax: z.number().min(0).max(3_600).default(60),
    })
    .prefault({}),
  privacy: z
    .strictObject({
      /** Rounds are refused once (epsilon, delta) would be passed; null: spending is counted and not limited. */
      epsilonMax: z.number().positive().nullable().default(null),
      delta: z.number().positive().max(0.1).default(1e-6),
      /** Plans that ask for less noise than this are refused. */
      noiseMultiplierMin: z.number().min(0).max(100).default(0),
      /** Clips and noises every step, example by example, whatever the plan says; epsilonMax then counts for one example. */
      perStep: z
        .strictObject({
          clipNorm: z.number().positive().max(1_000).default(1),
          noiseMultiplier: z.number().min(0.3).max(100),
        })
        .nullable()
        .default(null),
    })
    .prefault({}),
  scoring: z
    .strictObject({
      /** Alerts as JSON lines; beside the data unless said otherwise. */
      alertFile: path.optional(),
      ...scoring,
    })
    .prefault({}),
  /** Where alerts go beside their file (docs/alerts.md). */
  alerts: deliveryConfig,
  /** The release agent: which signed releases this cluster runs. */
  agent: z
    .strictObject({
      /** Releases whose files stay for a rollback without a download, beside the live one. */
      keepReleases: z.int().min(1).max(64).default(4),
      /** What scores: a release's float weights, or its light form (8-bit ONNX), which runs without TensorFlow. */
      inference: z.enum(['weights', 'light']).default('weights'),
      /** Root metadata that came by hand. Without it the first root that the coordinator presents is trusted. */
      trustAnchor: path.optional(),
      /** Used instead of what the coordinator says: labels then cannot be told wrongly to dodge a pin. */
      labels: z.record(z.string().min(1).max(63), z.string().max(63)).optional(),
      /** By track: recorded attacks that a release in shadow is held against. */
      attackSets: z.record(track, path).default({}),
      shadowReportSeconds: z.number().min(0.1).max(86_400).default(60),
    })
    .prefault({}),
  /** What the coordinator hears beside counts of alerts; nothing unless it is said here (docs/dashboard.md). */
  share: z
    .strictObject({
      /** Services, who asks whom, and templates of routes without values, with what is open and what is new. */
      map: z.boolean().default(false),
    })
    .prefault({}),
  /** Makes this client the hub of its cluster's sensors (docs/sensor.md); null: there are none. */
  hub: hubConfig.nullable().default(null),
  /** Names the workload of events that do not, by a watch of pods (docs/kubernetes.md); null: the API server is not asked. */
  kubernetes: kubeConfig.nullable().default(null),
  health: z
    .strictObject({
      listen: listen.nullable().default('127.0.0.1:9464'),
      sourceSilentMinutesMax,
    })
    .prefault({}),
  log,
});

type Raw = z.infer<typeof schema>;

/** The whole configuration: checked, paths absolute, frozen. */
export type ClientConfig = Readonly<
  Omit<Raw, 'joinToken' | 'dataKey'> & { joinToken: SecretSource | undefined; dataKey: DataKeySource }
>;

/** What the environment may set, as TESTUDO_CLIENT_ and the path in capitals. */
const fromEnvironment = [
  'dataDirectory',
  'coordinator.enrolAddress',
  'training.enabled',
  'training.coresMax',
  'training.rssMiBMax',
  'health.listen',
  'log.level',
] as const;

const rules: SettingRules<Raw, ClientConfig> = {
  schema,
  prefix: 'TESTUDO_CLIENT_',
  fromEnvironment,
  resolved: withAbsolutePaths,
  problemsOf: ({ tracks, hub, health }) => [
    ...problemsOfTracks(tracks),
    ...problemsOfPorts({
      'health.listen': health.listen,
      'hub.listen': hub?.listen,
      'hub.admissionListen': hub?.admissionListen,
    }),
  ],
};

/** Reads the file, if any, lays environment and settings over it, and reports every problem together. */
export function readClientConfig(
  file: string | undefined,
  rest: Omit<SettingSources, 'file'> = {},
): Result<ClientConfig, 'CONFIG_INVALID'> {
  return readSettings(file, rest, rules);
}

export function parseClientConfig(sources: SettingSources): Result<ClientConfig, 'CONFIG_INVALID'> {
  return parseSettings(sources, rules);
}

/** The JSON Schema of the file, for editors. What settings have against one another is said by `--check` alone. */
export function clientConfigJsonSchema(): object {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
}

/** What client and training process may use together, bytes. */
export function trainingBytesMax({ training, tracks }: ClientConfig): number {
  // A second track may bring TensorFlow into the scoring thread beside the training process's own.
  return (training.rssMiBMax ?? 700 * tracks.length) * 2 ** 20;
}

function withAbsolutePaths(raw: Raw, absolute: (name: string) => string): ClientConfig {
  const { joinToken, dataKey: key, ...rest } = raw;
  return {
    ...rest,
    dataDirectory: absolute(raw.dataDirectory),
    tracks: raw.tracks.map((one) => absoluteTrack(one, absolute)),
    sources: raw.sources.map((one) => absoluteSource(one, absolute)),
    baselines: raw.baselines.map(absolute),
    agent: {
      ...raw.agent,
      ...(raw.agent.trustAnchor === undefined ? {} : { trustAnchor: absolute(raw.agent.trustAnchor) }),
      attackSets: Object.fromEntries(
        Object.entries(raw.agent.attackSets).map(([name, file]) => [name, absolute(file)]),
      ) as Raw['agent']['attackSets'],
    },
    scoring: {
      ...raw.scoring,
      ...(raw.scoring.alertFile === undefined ? {} : { alertFile: absolute(raw.scoring.alertFile) }),
    },
    alerts: withAbsoluteSinks(raw.alerts, absolute),
    hub: raw.hub === null ? null : withAbsoluteHub(raw.hub, absolute),
    joinToken: joinToken === undefined ? undefined : secretSource(joinToken, absolute),
    dataKey: dataKeySource(key, absolute),
  };
}

function withAbsoluteHub(hub: HubConfig, absolute: (name: string) => string): HubConfig {
  const { admission, authority } = hub;
  return {
    ...hub,
    admission:
      admission.kind === 'file'
        ? {
            ...admission,
            path: absolute(admission.path),
            ...(admission.agentPath === undefined ? {} : { agentPath: absolute(admission.agentPath) }),
          }
        : admission,
    ...(authority === undefined
      ? {}
      : {
          authority: {
            certificateFile: absolute(authority.certificateFile),
            keyFile: absolute(authority.keyFile),
          },
        }),
  };
}
