import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, resolve, sep } from 'node:path';
import { parse as parseYaml } from 'yaml';
import { ok, type Result, refuse } from '../../proto/fault.ts';
import type { FederationId, TrackId } from '../../proto/ids.ts';
import type { MasterKeySource } from '../identity/master-key.ts';
import { configSchema, type RawConfig } from './schema.ts';

export type TrackFile = Readonly<{ id: TrackId; spec: string; model: string; policy: string }>;

/** The whole configuration: checked, cross-checked, paths absolute, frozen. */
export type CoordinatorConfig = Readonly<
  Omit<RawConfig, 'federation' | 'masterKey' | 'tracks' | 'redis'> & {
    federation: FederationId;
    masterKey: MasterKeySource;
    tracks: readonly TrackFile[];
    redis: Readonly<{ url: string }> | null;
  }
>;

export type ConfigSources = Readonly<{
  /** YAML text and where it came from: its relative paths are relative to that file. */
  file: Readonly<{ path: string; text: string }>;
  environment?: Readonly<Record<string, string | undefined>>;
  /** "listen.health=127.0.0.1:0", as given with --set; they win over the environment, and that over the file. */
  settings?: readonly string[];
}>;

/** What the environment may set, as TESTUDO_ and the path in capitals: TESTUDO_LISTEN_HEALTH, TESTUDO_DATA_DIRECTORY. */
const fromEnvironment = [
  'federation',
  'dataDirectory',
  'listen.enrolment',
  'listen.federation',
  'listen.health',
  'redis.url',
  'drainSeconds',
  'log.level',
] as const;

export function readConfigFile(
  path: string,
  rest: Omit<ConfigSources, 'file'> = {},
): Result<CoordinatorConfig, 'CONFIG_INVALID'> {
  try {
    return parseConfig({ ...rest, file: { path, text: readFileSync(path, 'utf8') } });
  } catch (error) {
    return invalid([
      `${path} cannot be read (${(error as NodeJS.ErrnoException).code}); \`testudo coordinator init\` makes one`,
    ]);
  }
}

/** Parsed once, every problem reported together. */
export function parseConfig({
  file,
  environment = {},
  settings = [],
}: ConfigSources): Result<CoordinatorConfig, 'CONFIG_INVALID'> {
  let tree: unknown;
  try {
    tree = parseYaml(file.text) ?? {};
  } catch (error) {
    return invalid([`${file.path} is not YAML: ${(error as Error).message.split('\n', 1)[0]}`]);
  }
  if (typeof tree !== 'object' || tree === null || Array.isArray(tree)) {
    return invalid([`${file.path} must be a mapping of settings`]);
  }
  const root = tree as Record<string, unknown>;
  const problems: string[] = [];
  for (const name of fromEnvironment) {
    const text = environment[environmentName(name)];
    if (text !== undefined) setAt(root, name, scalarOf(text));
  }
  for (const setting of settings) {
    const at = setting.indexOf('=');
    if (at <= 0) problems.push(`--set ${setting}: expected path=value`);
    else setAt(root, setting.slice(0, at), scalarOf(setting.slice(at + 1)));
  }
  const parsed = configSchema.safeParse(root);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) problems.push(`${issue.path.join('.') || '(top)'}: ${issue.message}`);
    return invalid(problems);
  }
  const config = resolved(parsed.data, dirname(resolve(file.path)));
  problems.push(...crossChecks(config));
  return problems.length === 0 ? ok(deepFreeze(config)) : invalid(problems);
}

function resolved(raw: RawConfig, folder: string): CoordinatorConfig {
  const absolute = (path: string) => (isAbsolute(path) ? path : resolve(folder, path));
  const { masterKey, tracks, redis, ...rest } = raw;
  return {
    ...rest,
    federation: raw.federation as FederationId,
    dataDirectory: absolute(raw.dataDirectory),
    redis: redis ?? null,
    masterKey:
      'file' in masterKey
        ? { kind: 'file', path: absolute(masterKey.file) }
        : 'environment' in masterKey
          ? { kind: 'environment', variable: masterKey.environment }
          : { kind: 'command', command: masterKey.command as [string, ...string[]] },
    tracks: tracks.map(({ id, spec, model, policy }) => ({
      id: id as TrackId,
      spec: absolute(spec),
      model: absolute(model),
      policy: absolute(policy),
    })),
  };
}

/** Limits against one another. A track's policy is checked against its rule where it is read (quorum below 2f + 3). */
function crossChecks({ listen, uploads, masterKey, dataDirectory, tracks }: CoordinatorConfig): string[] {
  const problems: string[] = [];
  const taken = new Map<string, string>();
  for (const [name, address] of Object.entries(listen)) {
    const port = address.slice(address.lastIndexOf(':') + 1);
    const other = taken.get(port);
    if (port !== '0' && other !== undefined)
      problems.push(`listen.${name} and listen.${other} have the same port ${port}`);
    taken.set(port, name);
  }
  if (uploads.perClusterMax > uploads.atOnceMax) {
    problems.push(`uploads.perClusterMax ${uploads.perClusterMax} is above uploads.atOnceMax ${uploads.atOnceMax}`);
  }
  if (masterKey.kind === 'file' && masterKey.path.startsWith(dataDirectory + sep)) {
    problems.push('masterKey.file lies in dataDirectory: whoever copies the data copies its key; keep it elsewhere');
  }
  const ids = tracks.map(({ id }) => id);
  for (const id of new Set(ids.filter((id, at) => ids.indexOf(id) !== at)))
    problems.push(`tracks: ${id} is listed twice`);
  return problems;
}

function environmentName(path: string): string {
  return `TESTUDO_${path
    .replaceAll('.', '_')
    .replace(/[A-Z]/g, (letter) => `_${letter}`)
    .toUpperCase()}`;
}

/** A number, a boolean or a text, as YAML would read it. */
function scalarOf(text: string): unknown {
  const value: unknown = /^[\w.+-]+$/.test(text) ? parseYaml(text) : text;
  return value === null || typeof value === 'object' ? text : value;
}

function setAt(root: Record<string, unknown>, path: string, value: unknown): void {
  const names = path.split('.');
  let node = root;
  for (const name of names.slice(0, -1)) {
    const next = Object.hasOwn(node, name) ? node[name] : undefined;
    const child = typeof next === 'object' && next !== null ? (next as Record<string, unknown>) : {};
    Object.defineProperty(node, name, { value: child, enumerable: true, writable: true, configurable: true });
    node = child;
  }
  Object.defineProperty(node, names.at(-1) as string, { value, enumerable: true, writable: true, configurable: true });
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) {
    for (const member of Object.values(value)) deepFreeze(member);
    Object.freeze(value);
  }
  return value;
}

function invalid(problems: readonly string[]): Result<never, 'CONFIG_INVALID'> {
  return refuse('CONFIG_INVALID', `configuration: ${problems.length} problem(s)\n  - ${problems.join('\n  - ')}`);
}
