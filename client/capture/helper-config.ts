import { z } from 'zod';
import type { Result } from '../../base/fault.ts';
import { isListenAddress, listenAddressWanted } from '../../base/serving/listen.ts';
import { parseSettings, readSettings, type SettingRules, type SettingSources } from '../../base/settings.ts';
import { memoryBytesCeiling } from './limits.ts';

const path = z.string().min(1).max(4_096);

const schema = z.strictObject({
  /** Where the book of frozen pods lies; on the node, so that a new pod of the helper's finds it. */
  dataDirectory: path,
  listen: z.string().refine(isListenAddress, listenAddressWanted).default('0.0.0.0:9467'),
  /** PEM files: this helper's certificate and key, and the authority of those who may ask. */
  certificateFile: path,
  keyFile: path,
  authorityFile: path,
  /** The name in the certificate of the agent, and of nobody else's. */
  agentName: z.string().min(1).max(253).default('testudo-agent'),
  cgroups: z
    .strictObject({
      root: path.default('/sys/fs/cgroup'),
      /** Below the root, where the kubelet was told to put its own: `kubelet` under kind, and nothing elsewhere. */
      parent: z
        .string()
        .max(1_024)
        .regex(/^([\w:@-]+(\.[\w:@-]+)*(\/[\w:@-]+(\.[\w:@-]+)*)*)?$/, 'expected a folder below the root')
        .default(''),
    })
    .prefault({}),
  /** The node's, with the pids of all of its processes. */
  proc: path.default('/proc'),
  memoryBytesMax: z.int().min(0).max(memoryBytesCeiling).default(0),
  log: z
    .strictObject({ level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info') })
    .prefault({}),
});

export type HelperConfig = Readonly<z.infer<typeof schema>>;

const rules: SettingRules<HelperConfig, HelperConfig> = {
  schema,
  prefix: 'TESTUDO_NODE_HELPER_',
  fromEnvironment: ['dataDirectory', 'listen', 'log.level'],
  resolved: (raw, absolute) => ({
    ...raw,
    dataDirectory: absolute(raw.dataDirectory),
    certificateFile: absolute(raw.certificateFile),
    keyFile: absolute(raw.keyFile),
    authorityFile: absolute(raw.authorityFile),
  }),
  problemsOf: () => [],
};

/** Reads the file, if any, lays environment and settings over it, and reports every problem together. */
export function readHelperConfig(
  file: string | undefined,
  rest: Omit<SettingSources, 'file'> = {},
): Result<HelperConfig, 'CONFIG_INVALID'> {
  return readSettings(file, rest, rules);
}

export function parseHelperConfig(sources: SettingSources): Result<HelperConfig, 'CONFIG_INVALID'> {
  return parseSettings(sources, rules);
}
