/** One setting of a policy that differs, by its path; undefined on the side where it is not there. */
export type SettingChange = Readonly<{ setting: string; before: unknown; after: unknown }>;

/** What differs between two policies with their defaults filled in, by path. A list counts as one value. */
export function changesBetween(before: unknown, after: unknown): readonly SettingChange[] {
  const [old, next] = [leavesOf(before), leavesOf(after)];
  const paths = [...new Set([...old.keys(), ...next.keys()])].sort();
  return paths
    .map((setting) => ({ setting, before: old.get(setting), after: next.get(setting) }))
    .filter((change) => JSON.stringify(change.before) !== JSON.stringify(change.after));
}

/** `- path: old` and `+ path: new`, as patches are written. */
export function changesText(changes: readonly SettingChange[]): string {
  const line = (sign: string, setting: string, value: unknown) =>
    value === undefined ? [] : [`${sign} ${setting}: ${JSON.stringify(value)}`];
  return changes
    .flatMap(({ setting, before, after }) => [...line('-', setting, before), ...line('+', setting, after)])
    .join('\n');
}

function leavesOf(value: unknown, path = ''): Map<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return new Map([[path, value]]);
  const entries = Object.entries(value).flatMap(([name, member]) => [
    ...leavesOf(member, path === '' ? name : `${path}.${name}`),
  ]);
  return new Map(entries);
}
