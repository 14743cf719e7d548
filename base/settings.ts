import { dirname, isAbsolute, resolve } from 'node:path';
import type { ZodType } from 'zod';
import { ok, type Result, refuse } from './fault.ts';
import { problemText } from './text/problem-text.ts';
import { readWholeText } from './text/read-whole.ts';
import { readYaml } from './text/read-yaml.ts';

/** Where settings come from; later ones win: file, environment, `--set`. */
export type SettingSources = Readonly<{
  /** YAML (JSON is YAML too) and where it came from. */
  file?: Readonly<{ path: string; text: string }>;
  environment?: Readonly<Record<string, string | undefined>>;
  /** "health.listen=127.0.0.1:0", as given with --set. */
  settings?: readonly string[];
}>;

/** How a tree of settings becomes the configuration of one process. */
export type SettingRules<Raw, Config> = Readonly<{
  schema: ZodType<Raw>;
  /** What the environment may set, as `prefix` and the path in capitals. */
  prefix: string;
  fromEnvironment: readonly string[];
  /** With paths from where the file lies, or from the working directory where there is none. */
  resolved(raw: Raw, absolute: (path: string) => string): Config;
  /** What no schema sees: limits against one another, things that are not there. */
  problemsOf(config: Config): readonly string[];
}>;

/** Reads the file, if any, and goes on as `parseSettings`. `remedy`: what to do where there is no such file. */
export function readSettings<Raw, Config>(
  path: string | undefined,
  rest: Omit<SettingSources, 'file'>,
  rules: SettingRules<Raw, Config>,
  remedy = '',
): Result<Config, 'CONFIG_INVALID'> {
  if (path === undefined) return parseSettings(rest, rules);
  let text: string;
  try {
    text = readWholeText(path);
  } catch (error) {
    return invalidSettings([`${path} cannot be read (${(error as NodeJS.ErrnoException).code})${remedy}`]);
  }
  return parseSettings({ ...rest, file: { path, text } }, rules);
}

/** Lays the sources over one another and checks what comes of it: every problem together. What is right is frozen. */
export function parseSettings<Raw, Config>(
  sources: SettingSources,
  { schema, prefix, fromEnvironment, resolved, problemsOf }: SettingRules<Raw, Config>,
): Result<Config, 'CONFIG_INVALID'> {
  const layered = layerSettings(sources, prefix, fromEnvironment);
  if (!layered.ok) return layered;
  const problems = [...layered.value.problems];
  const parsed = schema.safeParse(layered.value.root, { error: problemText });
  if (!parsed.success) {
    for (const issue of parsed.error.issues) problems.push(`${issue.path.join('.') || '(top)'}: ${issue.message}`);
    return invalidSettings(problems);
  }
  const folder = sources.file === undefined ? process.cwd() : dirname(resolve(sources.file.path));
  const config = resolved(parsed.data, (path) => (isAbsolute(path) ? path : resolve(folder, path)));
  problems.push(...problemsOf(config));
  return problems.length === 0 ? ok(deepFreeze(config)) : invalidSettings(problems);
}

/** A tree of settings that nothing has checked yet, and what was wrong with the way they were given. */
type SettingTree = Readonly<{ root: Record<string, unknown>; problems: readonly string[] }>;

function layerSettings(
  { file, environment = {}, settings = [] }: SettingSources,
  prefix: string,
  names: readonly string[],
): Result<SettingTree, 'CONFIG_INVALID'> {
  let tree: unknown = {};
  if (file !== undefined) {
    const read = readYaml(file.text);
    if (!read.ok) return invalidSettings([`${file.path} is not YAML: ${read.fault.message}`]);
    tree = read.value ?? {};
    if (typeof tree !== 'object' || tree === null || Array.isArray(tree)) {
      return invalidSettings([`${file.path} must be a mapping of settings`]);
    }
  }
  const root = tree as Record<string, unknown>;
  const problems: string[] = [];
  for (const name of names) {
    const text = environment[settingVariable(prefix, name)];
    if (text !== undefined) setAt(root, name, scalarOf(text));
  }
  for (const setting of settings) {
    const at = setting.indexOf('=');
    if (at <= 0) problems.push(`--set ${setting}: expected path=value`);
    else setAt(root, setting.slice(0, at), scalarOf(setting.slice(at + 1)));
  }
  return ok({ root, problems });
}

/** "dataDirectory" under "TESTUDO_" is TESTUDO_DATA_DIRECTORY; "health.listen" is TESTUDO_HEALTH_LISTEN. */
function settingVariable(prefix: string, path: string): string {
  const words = path.replaceAll('.', '_').replace(/[A-Z]/g, (letter) => `_${letter}`);
  return `${prefix}${words.toUpperCase()}`;
}

/** One fault that names every problem. */
function invalidSettings(problems: readonly string[]): Result<never, 'CONFIG_INVALID'> {
  return refuse('CONFIG_INVALID', `configuration: ${problems.length} problem(s)\n  - ${problems.join('\n  - ')}`);
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value) && !Object.isFrozen(value)) {
    // Before its members: YAML lets a list hold itself.
    Object.freeze(value);
    for (const member of Object.values(value)) deepFreeze(member);
  }
  return value;
}

/** A number, a boolean, a text or a list in brackets, as YAML would read it. */
function scalarOf(text: string): unknown {
  if (!/^[\w.+-]+$|^\[.*\]$/.test(text)) return text;
  const read = readYaml(text);
  return read.ok && read.value !== null ? read.value : text;
}

/** Defines own properties only, so that a path through `__proto__` reaches no prototype. */
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
