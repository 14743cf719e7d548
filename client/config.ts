import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import { z } from 'zod';
import { ok, type Result } from '../base/fault.ts';
import { deepFreeze, invalidSettings, layerSettings, type SettingSources } from '../base/settings.ts';
import type { TrackId } from '../proto/ids.ts';
import {
  address,
  dataKey,
  dataKeySource,
  listen,
  path,
  problemsOfTracks,
  secret,
  secretSource,
  track,
  trackEntry,
} from './config-parts.ts';
import { type HubConfig, hubConfig } from './hub/hub-config.ts';
import { kubeConfig } from './kube/kube-config.ts';
import { defaultBufferSizes } from './learning/example-buffer.ts';
import type { SecretSource } from './link/join-token-source.ts';
import { sourceConfig } from './sources/source-config.ts';
import type { DataKeySource } from './storage/data-key.ts';
import { defaultAlertRate } from './tracks/track-kind.ts';
import { defaultKind } from './tracks/track-kinds.ts';

const schema = z.strictObject({
  /** Identity, buffer, outbox, models, alerts: one client's alone. */
  dataDirectory: path,
  coordinator: z.strictObject({
    /** Tried in turn. */
    addresses: z.tuple([address], address),
    /** Where Enrol is served; the first address unless said otherwise. */
    enrolAddress: address.optional(),
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
  tracks: z
    .array(trackEntry)
    .min(1)
    .max(16)
    .default([{ id: defaultKind as TrackId, folder: defaultKind }]),
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
      /** The share of a workload's traces that may raise an alarm. */
      alertRate: z.number().positive().max(0.5).default(defaultAlertRate),
      /** Instead of the rate: alarms above the mean by so many standard deviations. */
      deviations: z.number().positive().max(100).nullable().default(null),
      /** A workload's scores before this many traces only set its threshold. */
      warmUp: z.int().min(10).max(1_000_000).default(200),
      /** System calls: 'tfidf' lets calls that few of a workload's normal traces make count more, against mimicry. */
      callWeights: z.enum(['none', 'tfidf']).default('none'),
    })
    .prefault({}),
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
  /** Makes this client the hub of its cluster's sensors (docs/sensor.md); null: there are none. */
  hub: hubConfig.nullable().default(null),
  /** Names the workload of events that do not, by a watch of pods (docs/kubernetes.md); null: the API server is not asked. */
  kubernetes: kubeConfig.nullable().default(null),
  health: z
    .strictObject({
      listen: listen.nullable().default('127.0.0.1:9464'),
      /** A source of which nothing usable came for so long is blind, and the client not ready; null: never for silence. */
      sourceSilentMinutesMax: z.number().positive().max(10_080).nullable().default(15),
    })
    .prefault({}),
  log: z
    .strictObject({ level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info') })
    .prefault({}),
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

/** Reads the file, if any, lays environment and settings over it, and reports every problem together. */
export function readClientConfig(
  file: string | undefined,
  rest: Omit<SettingSources, 'file'> = {},
): Result<ClientConfig, 'CONFIG_INVALID'> {
  if (file === undefined) return parseClientConfig(rest);
  try {
    return parseClientConfig({ ...rest, file: { path: file, text: readFileSync(file, 'utf8') } });
  } catch (error) {
    return invalidSettings([`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`]);
  }
}

export function parseClientConfig(sources: SettingSources): Result<ClientConfig, 'CONFIG_INVALID'> {
  const layered = layerSettings(sources, 'TESTUDO_CLIENT_', fromEnvironment);
  if (!layered.ok) return layered;
  const { root, problems: given } = layered.value;
  const parsed = schema.safeParse(root);
  const problems = [...given];
  if (!parsed.success) {
    problems.push(...parsed.error.issues.map((issue) => `${issue.path.join('.') || '(top)'}: ${issue.message}`));
  }
  if (!parsed.success || problems.length > 0) return invalidSettings(problems);
  const folder = sources.file === undefined ? process.cwd() : dirname(resolve(sources.file.path));
  const config = withAbsolutePaths(parsed.data, folder);
  const unfounded = problemsOfTracks(config.tracks);
  return unfounded.length > 0 ? invalidSettings(unfounded) : ok(deepFreeze(config));
}

/** What client and training process may use together, bytes. */
export function trainingBytesMax({ training, tracks }: ClientConfig): number {
  // A second track may bring TensorFlow into the scoring thread beside the training process's own.
  return (training.rssMiBMax ?? 700 * tracks.length) * 2 ** 20;
}

function withAbsolutePaths(raw: Raw, folder: string): ClientConfig {
  const absolute = (name: string) => (isAbsolute(name) ? name : resolve(folder, name));
  const { joinToken, dataKey: key, ...rest } = raw;
  return {
    ...rest,
    dataDirectory: absolute(raw.dataDirectory),
    tracks: raw.tracks.map((one) => (/[/\\]/.test(one.folder) ? { ...one, folder: absolute(one.folder) } : one)),
    sources: raw.sources.map((one) => ('path' in one ? { ...one, path: absolute(one.path) } : one)),
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
    hub: raw.hub === null ? null : withAbsoluteHub(raw.hub, absolute),
    joinToken: joinToken === undefined ? undefined : secretSource(joinToken, absolute),
    dataKey: dataKeySource(key, absolute),
  };
}

function withAbsoluteHub(hub: HubConfig, absolute: (name: string) => string): HubConfig {
  const { admission, authority } = hub;
  return {
    ...hub,
    admission: admission.kind === 'file' ? { ...admission, path: absolute(admission.path) } : admission,
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
