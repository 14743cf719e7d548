import { parse as parseYaml } from 'yaml';
import { ok, type Result, refuse } from './fault.ts';

/** Where settings come from; later ones win: file, environment, `--set`. */
export type SettingSources = Readonly<{
  /** YAML (JSON is YAML too) and where it came from. */
  file?: Readonly<{ path: string; text: string }>;
  environment?: Readonly<Record<string, string | undefined>>;
  /** "health.listen=127.0.0.1:0", as given with --set. */
  settings?: readonly string[];
}>;

/** A tree of settings that nothing has checked yet, and what was wrong with the way they were given. */
export type SettingTree = Readonly<{ root: Record<string, unknown>; problems: readonly string[] }>;

/** Lays the sources over one another. `names` lists what the environment may set, as `prefix` and the path in capitals. */
export function layerSettings(
  { file, environment = {}, settings = [] }: SettingSources,
  prefix: string,
  names: readonly string[],
): Result<SettingTree, 'CONFIG_INVALID'> {
  let tree: unknown = {};
  if (file !== undefined) {
    try {
      tree = parseYaml(file.text) ?? {};
    } catch (error) {
      return invalidSettings([`${file.path} is not YAML: ${(error as Error).message.split('\n', 1)[0]}`]);
    }
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
export function invalidSettings(problems: readonly string[]): Result<never, 'CONFIG_INVALID'> {
  return refuse('CONFIG_INVALID', `configuration: ${problems.length} problem(s)\n  - ${problems.join('\n  - ')}`);
}

export function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)) {
    for (const member of Object.values(value)) deepFreeze(member);
    Object.freeze(value);
  }
  return value;
}

/** A number, a boolean, a text or a list in brackets, as YAML would read it. */
function scalarOf(text: string): unknown {
  if (!/^[\w.+-]+$|^\[.*\]$/.test(text)) return text;
  try {
    const value: unknown = parseYaml(text);
    return value === null || value instanceof Date ? text : value;
  } catch {
    return text;
  }
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
