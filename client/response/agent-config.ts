import { hostname } from 'node:os';
import { z } from 'zod';
import type { Result } from '../../base/fault.ts';
import { isListenAddress, listenAddressWanted } from '../../base/serving/listen.ts';
import { parseSettings, readSettings, type SettingRules, type SettingSources } from '../../base/settings.ts';
import type { HelperAccess } from '../capture/ask.ts';
import { kubeConfig } from '../kube/kube-config.ts';
import { defaultLeaseTimes } from './cluster/lease.ts';
import { hubSettings } from './hearing/hub-settings.ts';
import { imagesConfig } from './posture/image-watch.ts';
import { type QuarantineConfig, quarantineConfig } from './quarantine/quarantine-config.ts';
import { problemsOfRotation, rotationConfig } from './rotation/rotation-config.ts';

const path = z.string().min(1).max(4_096);
const dnsLabel = z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'expected a name as Kubernetes writes it');
const listen = z.string().refine(isListenAddress, listenAddressWanted);

const schema = z.strictObject({
  /** What the agent writes down: one agent's alone. */
  dataDirectory: path,
  /** Where it acts. Nowhere else, whatever it is told. */
  namespaces: z.array(dnsLabel).min(1).max(32),
  kubernetes: kubeConfig.omit({ podsMax: true }).prefault({}),
  /** Of all agents for these namespaces the one that holds it acts. */
  lease: z
    .strictObject({
      namespace: dnsLabel.default('testudo'),
      name: z.string().min(1).max(253).default('testudo-agent'),
      /** Who this agent is; the host's name unless given. */
      holder: z.string().min(1).max(253).optional(),
      durationSeconds: z
        .number()
        .min(1)
        .max(600)
        .default(defaultLeaseTimes.durationMs / 1_000),
      renewWithinSeconds: z
        .number()
        .min(0.5)
        .max(600)
        .default(defaultLeaseTimes.renewWithinMs / 1_000),
      retrySeconds: z
        .number()
        .min(0.1)
        .max(60)
        .default(defaultLeaseTimes.retryMs / 1_000),
    })
    .prefault({}),
  /** The client that is this cluster's hub; without it quarantine reads that client's files. */
  hub: hubSettings.optional(),
  rotation: rotationConfig.prefault({}),
  /** Left out: no pod is ever quarantined. */
  quarantine: quarantineConfig.optional(),
  /** Left out: nobody looks whether images are signed. */
  images: imagesConfig.optional(),
  health: z.strictObject({ listen: listen.nullable().default('127.0.0.1:9466') }).prefault({}),
  log: z
    .strictObject({ level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info') })
    .prefault({}),
});

type Raw = z.infer<typeof schema>;
export type AgentConfig = Readonly<Omit<Raw, 'lease'> & { lease: Raw['lease'] & { holder: string } }>;

const rules: SettingRules<Raw, AgentConfig> = {
  schema,
  prefix: 'TESTUDO_AGENT_',
  fromEnvironment: [
    ...['dataDirectory', 'lease.namespace', 'lease.holder', 'rotation.mode', 'rotation.secretFile'],
    ...['health.listen', 'log.level'],
  ],
  resolved: (raw, absolute) => ({
    ...raw,
    dataDirectory: absolute(raw.dataDirectory),
    lease: { ...raw.lease, holder: raw.lease.holder ?? hostname() },
    rotation: {
      ...raw.rotation,
      ...(raw.rotation.secretFile === undefined ? {} : { secretFile: absolute(raw.rotation.secretFile) }),
    },
    ...(raw.hub === undefined
      ? {}
      : {
          hub: {
            ...raw.hub,
            authorityFile: absolute(raw.hub.authorityFile),
            tokenFile: absolute(raw.hub.tokenFile),
          },
        }),
    ...(raw.images === undefined
      ? {}
      : {
          images: {
            ...raw.images,
            keys: raw.images.keys.map(absolute),
            layouts: raw.images.layouts.map(absolute),
          },
        }),
    ...(raw.quarantine === undefined ? {} : { quarantine: quarantineFiles(raw.quarantine, absolute) }),
  }),
  problemsOf: ({ namespaces, lease, rotation, quarantine, hub }) => {
    const repeated = namespaces.filter((name, at) => namespaces.indexOf(name) !== at);
    const problems = repeated.map((name) => `namespaces: ${name} is listed twice`);
    const { durationSeconds, renewWithinSeconds, retrySeconds } = lease;
    // A holder that has given up must have done so before another may begin: its last request included.
    if (renewWithinSeconds + retrySeconds + 0.5 > durationSeconds) {
      problems.push(
        `lease: renewWithinSeconds (${renewWithinSeconds}) and retrySeconds (${retrySeconds}) and half a second for a ` +
          `request must fit into durationSeconds (${durationSeconds})`,
      );
    }
    if (quarantine !== undefined && hub === undefined) {
      if (quarantine.releases === undefined || quarantine.alerts.length === 0) {
        problems.push('quarantine: set hub, or releases and alerts: without them it hears of no alert and no policy');
      }
    }
    return [...problems, ...problemsOfRotation(rotation)];
  },
};

/** Reads the file, if any, lays environment and settings over it, and reports every problem together. */
export function readAgentConfig(
  file: string | undefined,
  rest: Omit<SettingSources, 'file'> = {},
): Result<AgentConfig, 'CONFIG_INVALID'> {
  return readSettings(file, rest, rules);
}

export function parseAgentConfig(sources: SettingSources): Result<AgentConfig, 'CONFIG_INVALID'> {
  return parseSettings(sources, rules);
}

function quarantineFiles(config: QuarantineConfig, absolute: (name: string) => string): QuarantineConfig {
  const { releases, alerts, dataKeyFile, nodeHelper, ...rest } = config;
  const key = dataKeyFile === undefined ? {} : { dataKeyFile: absolute(dataKeyFile) };
  const helper = nodeHelper === undefined ? {} : { nodeHelper: helperFiles(nodeHelper, absolute) };
  const set = releases === undefined ? {} : { releases: absolute(releases) };
  return { ...rest, ...key, ...helper, ...set, alerts: alerts.map(absolute) };
}

function helperFiles(access: HelperAccess, absolute: (name: string) => string): HelperAccess {
  const { certificateFile, keyFile, authorityFile } = access;
  const files = { certificateFile, keyFile, authorityFile };
  return { ...access, ...Object.fromEntries(Object.entries(files).map(([name, path]) => [name, absolute(path)])) };
}
