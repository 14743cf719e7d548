import { z } from 'zod';
import { sourceConfig } from '../source-config.ts';

/** A setting of a kind of source by its path, such as `addresses[].network`, as the JSON Schema of the configuration has it. */
export type SourceSetting = Readonly<{
  kind: string;
  path: string;
  /** What is taken where it is not given, in words. */
  must: string;
  about: string;
}>;

type Schema = Readonly<{
  const?: unknown;
  default?: unknown;
  description?: string;
  enum?: readonly string[];
  items?: Schema;
  oneOf?: readonly Schema[];
  anyOf?: readonly Schema[];
  properties?: Readonly<Record<string, Schema>>;
  required?: readonly string[];
}>;

/** Every setting of every kind of source, but `kind` itself, in the order of the schema. */
export function sourceSettings(): readonly SourceSetting[] {
  const schema = z.toJSONSchema(sourceConfig, { io: 'input', unrepresentable: 'any' }) as Schema;
  return (schema.oneOf ?? schema.anyOf ?? []).flatMap((one) => {
    const kind = String(one.properties?.kind?.const);
    return settingsOf(one, kind, '').filter(({ path }) => path !== 'kind');
  });
}

function settingsOf(
  { properties = {}, required = [] }: Schema,
  kind: string,
  before: string,
): readonly SourceSetting[] {
  return Object.entries(properties).flatMap(([name, setting]) => {
    const path = `${before}${name}`;
    const values = setting.enum === undefined ? '' : ` (${setting.enum.map((value) => `\`${value}\``).join(', ')})`;
    const about = setting.description === undefined ? '' : `${setting.description}${values}`;
    const own = { kind, path, must: unlessGiven(setting, required.includes(name)), about };
    return [own, ...settingsOf(setting, kind, `${path}.`), ...settingsOf(setting.items ?? {}, kind, `${path}[].`)];
  });
}

function unlessGiven(setting: Schema, isRequired: boolean): string {
  if (setting.default !== undefined) return `\`${JSON.stringify(setting.default)}\``;
  return isRequired ? 'refused' : '—';
}
