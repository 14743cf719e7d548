import type { Row } from '../../../../coordinator/postgres/driver.ts';

/** What a condition of SQL may name. */
export type Scope = Readonly<{
  row: Row;
  /** Of $1, $2, … */
  values: readonly unknown[];
  settings: Readonly<Record<string, string>>;
  /** The names of subqueries that found something. */
  found: ReadonlySet<string>;
}>;

type Condition = (scope: Scope) => boolean;
type Value = (scope: Scope) => unknown;

/**
 * Whether a condition holds, read as it stands in the statement, so that a bug in one is a bug here too. It reads as much of SQL as
 * the journal's statements use, and throws on anything else. What a text means is found once: the same few statements come all day.
 */
export function holds(condition: string, scope: Scope): boolean {
  return kept(conditions, condition, conditionOf)(scope);
}

/** What stands for one value: a column, a parameter, a setting, a literal, or a column and one more. */
export function valueIn(text: string, scope: Scope): unknown {
  return kept(valuesByText, text, meaningOf)(scope);
}

const conditions = new Map<string, Condition>();
const valuesByText = new Map<string, Value>();

function kept<Meaning>(known: Map<string, Meaning>, text: string, read: (text: string) => Meaning): Meaning {
  let meaning = known.get(text);
  if (meaning === undefined) {
    meaning = read(text);
    known.set(text, meaning);
  }
  return meaning;
}

function conditionOf(condition: string): Condition {
  const text = condition.trim().replace(/\s+/g, ' ');
  const either = partsOf(text, ' OR ');
  if (either.length > 1) return anyOf(either.map(conditionOf));
  const all = partsOf(text, ' AND ');
  if (all.length > 1) return allOf(all.map(conditionOf));
  const inner = /^\(([\s\S]*)\)$/.exec(text)?.[1];
  if (inner !== undefined) return conditionOf(inner);
  if (text.startsWith('NOT ')) return not(conditionOf(text.slice(4)));
  const exists = /^EXISTS \(SELECT 1 FROM (\w+)\)$/.exec(text)?.[1];
  if (exists !== undefined) return ({ found }) => found.has(exists);
  const isNull = /^(\S+) IS NULL$/.exec(text)?.[1];
  if (isNull !== undefined) {
    const value = meaningOf(isNull);
    return (scope) => value(scope) == null;
  }
  const [, one, list] = /^(\S+) IN \(([^)]*)\)$/.exec(text) ?? [];
  if (one !== undefined && list !== undefined) {
    const [value, items] = [meaningOf(one), list.split(', ').map(meaningOf)];
    return (scope) => items.some((item) => isSame(value(scope), item(scope)));
  }
  const [, left, sign, right] = /^(\S+) (=|<>) (\S+)$/.exec(text) ?? [];
  if (left === undefined || right === undefined) {
    const value = meaningOf(text);
    return (scope) => value(scope) === true;
  }
  const [here, there] = [meaningOf(left), meaningOf(right)];
  return (scope) => isSame(here(scope), there(scope)) === (sign === '=');
}

const anyOf =
  (parts: readonly Condition[]): Condition =>
  (scope) =>
    parts.some((part) => part(scope));
const allOf =
  (parts: readonly Condition[]): Condition =>
  (scope) =>
    parts.every((part) => part(scope));
const not =
  (part: Condition): Condition =>
  (scope) =>
    !part(scope);

function meaningOf(text: string): Value {
  const [plain] = text.trim().split('::') as [string];
  if (/^\$\d+$/.test(plain)) {
    const at = Number(plain.slice(1)) - 1;
    return ({ values }) => values[at];
  }
  if (/^'.*'$/.test(plain)) return () => plain.slice(1, -1);
  if (/^\d+$/.test(plain)) return () => Number(plain);
  if (plain === 'true') return () => true;
  const setting = /^current_setting\('(\w+)'\)$/.exec(plain)?.[1];
  if (setting !== undefined) return ({ settings }) => settings[setting];
  const more = /^(\w+) \+ 1$/.exec(plain)?.[1];
  if (more !== undefined) {
    const value = meaningOf(more);
    return (scope) => Number(value(scope)) + 1;
  }
  return ({ row }) => {
    if (plain in row) return row[plain];
    throw new Error(`the simulated PostgreSQL does not know ${JSON.stringify(text)}`);
  };
}

/** The driver writes big numbers as text, and the statement may say the same one either way. */
function isSame(left: unknown, right: unknown): boolean {
  return left != null && right != null && String(left) === String(right);
}

/** The parts between a word that stands in no brackets. */
function partsOf(text: string, word: string): readonly string[] {
  const parts: string[] = [];
  let [depth, from] = [0, 0];
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === '(') depth += 1;
    else if (text[at] === ')') depth -= 1;
    else if (depth === 0 && text.startsWith(word, at)) {
      parts.push(text.slice(from, at));
      from = at + word.length;
    }
  }
  return [...parts, text.slice(from)];
}
