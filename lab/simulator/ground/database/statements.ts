import type { StoredEntry } from '../../../../coordinator/ledger/journal/entry.ts';
import type { Row } from '../../../../coordinator/postgres/driver.ts';
import { holds, type Scope, valueIn } from './conditions.ts';
import type { Change, FenceRow, StoredSnapshot, Tables } from './tables.ts';

/** `change`: what is logged where there is anything to. `sqlState`: refused, and nothing is changed. */
export type Outcome = Readonly<{ rows: readonly Row[]; change?: Change } | { sqlState: string }>;

/** Each write goes by the fence, so that its lock orders all of them. */
export function isWrite(text: string): boolean {
  let isOne = writes.get(text);
  if (isOne === undefined) {
    isOne = /UPDATE \S*fence SET/.test(text);
    writes.set(text, isOne);
  }
  return isOne;
}

/** The same few statements come all day. */
const writes = new Map<string, boolean>();
const updates = new Map<string, Readonly<{ set: string; where: string }>>();

/** What a write changes of the fence, and when. */
function updateOf(text: string): Readonly<{ set: string; where: string }> {
  const known = updates.get(text);
  if (known !== undefined) return known;
  const update = /UPDATE \S*fence SET\s+([\s\S]*?)\s+WHERE\s+([\s\S]*?)(?:\s+RETURNING\s|$)/.exec(text);
  const [, set, where] = (update ?? []) as string[];
  if (set === undefined || where === undefined) throw new Error(`the simulated PostgreSQL does not know ${text}`);
  updates.set(text, { set, where });
  return { set, where };
}

export function writesLines(text: string): boolean {
  return /INSERT INTO \S*entries/.test(text);
}

/** What a statement of the coordinator's gives on these tables. Throws on one that it has not met. */
export function outcomeOf(
  text: string,
  values: readonly unknown[],
  tables: Tables,
  settings: Readonly<Record<string, string>>,
): Outcome {
  return isWrite(text) ? written(text, values, tables, settings) : { rows: read(text, values, tables, settings) };
}

function read(
  text: string,
  values: readonly unknown[],
  tables: Tables,
  settings: Readonly<Record<string, string>>,
): readonly Row[] {
  const { journal, fence, secrets } = tables;
  const { snapshot } = journal;
  if (text.includes('SET synchronous_commit') || text === 'SELECT 1') return [];
  if (text.includes('pg_is_in_recovery()')) {
    return [{ standby: false, fsync: 'on', pages: 'on', encoding: 'UTF8', version: 160_000 }];
  }
  if (text.includes('pg_terminate_backend')) return []; // A statement comes here whole, or not at all.
  if (text.includes('to_regclass')) return [{ found: true }];
  if (/SELECT version FROM \S*layout/.test(text)) return [{ version: 1 }];
  if (text.includes("current_setting('synchronous_standby_names') AS names")) {
    return [{ names: settings.synchronous_standby_names }];
  }
  if (/FROM \S*entries WHERE seq >= \$1 ORDER BY seq LIMIT \$2/.test(text)) {
    const from = Number(values[0]) - 1;
    return journal.rows.slice(from, from + Number(values[1])).map((row) => ({ ...row, seq: String(row.seq) }));
  }
  if (/FROM \S*snapshots WHERE id = 1/.test(text)) return snapshot === undefined ? [] : [{ ...snapshot }];
  if (/SELECT sealed FROM \S*secrets WHERE name = \$1/.test(text)) {
    const sealed = secrets.get(String(values[0]));
    return sealed === undefined ? [] : [{ sealed: Buffer.from(sealed) }];
  }
  if (/SELECT name FROM \S*secrets WHERE name = ANY\(\$1\)/.test(text)) {
    return (values[0] as readonly string[]).filter((name) => secrets.has(name)).map((name) => ({ name }));
  }
  if (/^SELECT [\w, ]+ FROM \S*fence WHERE id = 1$/.test(text)) return [asDriverGives(fence)];
  throw new Error(`the simulated PostgreSQL does not know ${text}`);
}

function written(
  text: string,
  values: readonly unknown[],
  tables: Tables,
  settings: Readonly<Record<string, string>>,
): Outcome {
  const { set, where } = updateOf(text);
  const scope: Scope = { row: tables.fence, values, settings, found: new Set() };
  const isHeld = holds(where, scope);
  const fence = isHeld ? withSet(set, scope) : undefined;
  const inner = { ...scope, found: new Set(isHeld ? ['held'] : []) };
  const change: Change = fence === undefined ? {} : { fence };
  if (writesLines(text)) {
    const guard = /FROM unnest\([^)]*\)(?: WHERE ([^\n]*))?/.exec(text)?.[1];
    const rows = guard === undefined || holds(guard, inner) ? rowsOf(values.slice(6)) : [];
    // The primary key.
    if (rows.some(({ seq }) => seq <= tables.journal.rows.length)) return { sqlState: '23505' };
    return logged({ ...change, rows }, fence === undefined ? [] : [asDriverGives(fence)]);
  }
  if (/INSERT INTO \S*snapshots/.test(text)) {
    const snapshot = snapshotOf(values);
    const isKnown = tables.journal.rows[snapshot.seq - 1]?.chain === snapshot.chain;
    if (isKnown) inner.found.add('known');
    const guard = /\$7 WHERE ([^\n]*)/.exec(text)?.[1] ?? 'true';
    const saved = holds(guard, inner) ? { snapshot } : {};
    return logged({ ...change, ...saved }, [{ held: isHeld, known: isKnown }]);
  }
  if (/ \S*secrets/.test(text)) {
    const guard = /(?:\$4|\$3 AND) (?:WHERE )?(EXISTS [^\n]*?\))(?:\s|$)/.exec(text)?.[1];
    const isLet = guard === undefined || holds(guard, inner);
    const name = String(values[2]);
    const isThere = tables.secrets.has(name);
    const isInsert = /INSERT INTO \S*secrets/.test(text);
    const isDone = isLet && (isInsert ? !isThere || text.includes('DO UPDATE') : isThere);
    const sealed = isInsert ? Uint8Array.from(values[3] as Uint8Array) : undefined;
    const changed = isDone ? { secrets: [[name, sealed]] as const } : {};
    return logged({ ...change, ...changed }, [{ held: isHeld, count: isDone ? '1' : '0' }]);
  }
  const isTold = /\sRETURNING\s/.test(text);
  return logged(change, fence !== undefined && isTold ? [asDriverGives(fence)] : []);
}

function logged(change: Change, rows: readonly Row[]): Outcome {
  const isNothing =
    change.fence === undefined && !change.rows?.length && change.snapshot === undefined && change.secrets === undefined;
  return isNothing ? { rows } : { rows, change };
}

function withSet(set: string, scope: Scope): FenceRow {
  const next: Record<string, unknown> = { ...scope.row };
  for (const one of set.split(',')) {
    const [column, value] = one.split(' = ').map((part) => part.trim()) as [string, string];
    if (!(column in scope.row)) throw new Error(`the simulated PostgreSQL does not know the column ${column}`);
    const given = valueIn(value, scope);
    next[column] = typeof scope.row[column] === 'number' ? Number(given) : given;
  }
  return next as FenceRow;
}

function rowsOf([seqs, epochs, bodies, chains]: readonly unknown[]): readonly StoredEntry[] {
  const of = (column: unknown) => column as readonly (number | string)[];
  return of(seqs).map((seq, at) => ({
    seq: Number(seq),
    epoch: Number(of(epochs)[at]),
    body: String(of(bodies)[at]),
    chain: String(of(chains)[at]),
  }));
}

function snapshotOf([, , seq, chain, version, body, digest]: readonly unknown[]): StoredSnapshot {
  const [text, sum] = [String(body), String(digest)];
  return { seq: Number(seq), chain: String(chain), version: Number(version), body: text, digest: sum };
}

/** bigint as text. */
function asDriverGives(fence: FenceRow): Row {
  const { epoch, beat, head_seq } = fence;
  return { ...fence, epoch: String(epoch), beat: String(beat), head_seq: String(head_seq) };
}
