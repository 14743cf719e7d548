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

/**
 * Whether a condition holds, read as it stands in the statement, so that a bug in one is a bug here too. It reads as much of SQL as
 * the journal's statements use, and throws on anything else.
 */
export function holds(condition: string, scope: Scope): boolean {
  const text = condition.trim().replace(/\s+/g, ' ');
  const either = partsOf(text, ' OR ');
  if (either.length > 1) return either.some((part) => holds(part, scope));
  const all = partsOf(text, ' AND ');
  if (all.length > 1) return all.every((part) => holds(part, scope));
  const inner = /^\(([\s\S]*)\)$/.exec(text)?.[1];
  if (inner !== undefined) return holds(inner, scope);
  if (text.startsWith('NOT ')) return !holds(text.slice(4), scope);
  const exists = /^EXISTS \(SELECT 1 FROM (\w+)\)$/.exec(text)?.[1];
  if (exists !== undefined) return scope.found.has(exists);
  const isNull = /^(\S+) IS NULL$/.exec(text)?.[1];
  if (isNull !== undefined) return valueIn(isNull, scope) == null;
  const [, one, list] = /^(\S+) IN \(([^)]*)\)$/.exec(text) ?? [];
  if (one !== undefined && list !== undefined) {
    return list.split(', ').some((item) => isSame(valueIn(one, scope), valueIn(item, scope)));
  }
  const [, left, sign, right] = /^(\S+) (=|<>) (\S+)$/.exec(text) ?? [];
  if (left === undefined || right === undefined) return valueIn(text, scope) === true;
  return isSame(valueIn(left, scope), valueIn(right, scope)) === (sign === '=');
}

/** What stands for one value: a column, a parameter, a setting, a literal, or a column and one more. */
export function valueIn(text: string, scope: Scope): unknown {
  const [plain] = text.trim().split('::') as [string];
  if (/^\$\d+$/.test(plain)) return scope.values[Number(plain.slice(1)) - 1];
  if (/^'.*'$/.test(plain)) return plain.slice(1, -1);
  if (/^\d+$/.test(plain)) return Number(plain);
  if (plain === 'true') return true;
  const setting = /^current_setting\('(\w+)'\)$/.exec(plain)?.[1];
  if (setting !== undefined) return scope.settings[setting];
  const more = /^(\w+) \+ 1$/.exec(plain)?.[1];
  if (more !== undefined) return Number(valueIn(more, scope)) + 1;
  if (plain in scope.row) return scope.row[plain];
  throw new Error(`the simulated PostgreSQL does not know ${JSON.stringify(text)}`);
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
