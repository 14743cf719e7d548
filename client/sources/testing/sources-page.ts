import type { ItemShape, ReaderTable } from './reader-case.ts';
import { type SourceSetting, sourceSettings } from './source-settings.ts';

const head = `# Sources: versions and shapes

What each reader was tried with, generated from the tables that its tests run (\`client/sources/testing/tables/\`) by
\`npm run docs:sources\`. A shape that is not listed is not promised; what a reader cannot read it counts with its reason in
\`testudo_client_source_items_total\`. What each kind is, and how it behaves: [client.md](client.md#sources).

A time before 2000 or after 2099 is one that nobody can have meant: clocks that were never set say 1970. Flows and calls of
access logs are then counted as \`BAD_TIME\`; system calls and alerts are read without their time.
`;

/** The text of docs/sources.md. */
export function sourcesPage(tables: readonly ReaderTable[]): string {
  return `${[head, settingsSection(sourceSettings()), ...tables.map(section)].join('\n')}`;
}

/** Settings that mean the same in several kinds stand once. */
function settingsSection(settings: readonly SourceSetting[]): string {
  const alike = Map.groupBy(settings, ({ path, must, about }) => JSON.stringify([path, must, about]));
  const rows = [...alike.values()].flatMap((same) => {
    const kinds = same.map(({ kind }) => `\`${kind}\``).join(', ');
    return same.slice(0, 1).map(({ path, must, about }) => [`\`${path}\``, kinds, must, about]);
  });
  return `## Settings

Of an entry of \`sources:\`, beside its \`kind\`; as the schema has them that \`testudo client schema\` prints for editors.

${tableOf(['setting', 'of', 'unless given', 'what it says'], rows)}
`;
}

function section({ title, source, notes, cases }: ReaderTable): string {
  const rows = cases.map((one) => [one.tool, one.versions, one.shape, understood(one.items)]);
  const table = tableOf(['tool', 'versions', 'shape', 'read as'], rows);
  const said = notes.length === 0 ? '' : `${notes.map((note) => `- ${note}`).join('\n')}\n\n`;
  return `## ${title}: \`${source}\`\n\n${said}${table}\n`;
}

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n');
}

/** "2 flows, 1 FORGED_OR_BROKEN": what the items are, by kind or reason, in the order in which they first come. */
function understood(items: readonly ItemShape[]): string {
  const counts = new Map<string, number>();
  for (const item of items) {
    const name = item.kind === 'skipped' ? String(item.reason) : nameOf(item);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  if (counts.size === 0) return 'nothing';
  return [...counts].map(([name, count]) => (count === 1 ? name : `${count} × ${name}`)).join(', ');
}

/** A flow by its ends, where the case names them: "flow shop/orders → world, dropped". */
function nameOf({ kind, flow }: ItemShape): string {
  if (kind !== 'flow' || typeof flow !== 'object' || flow === null) return kind;
  const { source, destination, verdict } = flow as Readonly<Record<string, unknown>>;
  if (source === undefined || destination === undefined) return kind;
  const refused = verdict === undefined || verdict === 'forwarded' ? '' : `, ${String(verdict)}`;
  return `flow ${endName(source)} → ${endName(destination)}${refused}`;
}

function endName(end: unknown): string {
  const { kind, namespace, workload } = end as Readonly<Record<string, string | undefined>>;
  const name = [namespace, workload].filter((part) => part !== undefined && part !== '').join('/');
  if (kind === 'workload' && name !== '') return name;
  return [kind ?? 'somebody', name].filter((part) => part !== '').join(' ');
}
