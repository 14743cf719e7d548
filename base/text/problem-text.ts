import type { z } from 'zod';
import { didYouMean } from './nearest.ts';

type Issue = z.core.$ZodRawIssue;

const kinds: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a group of settings',
  record: 'a group of settings',
};

/**
 * What is wrong with a value, for who wrote it: handed to a schema's `parse` as `error`. Texts are not repeated, since one
 * of them may be a secret. Where a schema has words of its own, those are said in the place of these.
 */
export function problemText(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return wrongKind(String(issue.expected), issue.input);
    case 'unrecognized_keys':
      return unknownKeys(issue.keys, keysOf(issue.inst));
    case 'invalid_value':
      return `expected ${issue.values.map(String).join(', ')}${got(issue.input)}${meant(issue.input, issue.values)}`;
    case 'invalid_union':
      return chosenBy(issue);
    case 'too_small':
      return `expected ${amount(issue.origin, issue.inclusive === false ? 'more than' : 'at least', issue.minimum)}${got(issue.input)}`;
    case 'too_big':
      return `expected ${amount(issue.origin, issue.inclusive === false ? 'less than' : 'at most', issue.maximum)}${got(issue.input)}`;
    case 'not_multiple_of':
      return `expected a multiple of ${issue.divisor}${got(issue.input)}`;
    case 'invalid_format':
      return 'expected a text of another form';
    default:
      return 'is not one of the values that it may have';
  }
}

/** The first thing that is wrong with a value, and where; `whole` where it is not one of its parts. */
export function firstProblem({ issues: [first] }: z.core.$ZodError, whole = 'the whole'): string {
  return `${first?.path.join('.') || whole}: ${first?.message ?? 'is not one of the values that it may have'}`;
}

function wrongKind(expected: string, input: unknown): string {
  const wanted = kinds[expected] ?? expected;
  return input === undefined ? `is missing; expected ${wanted}` : `expected ${wanted}${got(input)}`;
}

/** A stranger may have written them: no sentence repeats more names, nor more of one. */
const unknownNamedMax = 10;
const unknownLengthMax = 64;

function unknownKeys(keys: readonly string[], known: readonly string[]): string {
  const others = known.length === 0 ? '' : `; there are: ${known.join(', ')}`;
  const named = keys.slice(0, unknownNamedMax).map((key) => {
    const shown = key.length > unknownLengthMax ? `${key.slice(0, unknownLengthMax)}…` : key;
    return `there is no setting ${shown}${didYouMean(key, known) || others}`;
  });
  const more = keys.length - named.length;
  return [...named, ...(more > 0 ? [`nor ${more} more that stand there`] : [])].join('; ');
}

/** One of several shapes, told apart by one of their settings, or by what they look like. */
function chosenBy({ inst, input, ...issue }: Issue): string {
  const name = (issue as { discriminator?: string }).discriminator;
  if (name === undefined) {
    const shapes = shapesOf(inst);
    return shapes === undefined ? eitherOf(issue as Either) : `expected ${shapes}${got(input)}`;
  }
  const values = [...((inst as Partial<z.core.$ZodType> | undefined)?._zod?.propValues?.[name] ?? [])];
  const chosen = (input as Readonly<Record<string, unknown>> | undefined)?.[name];
  const wanted = `expected ${values.map(String).join(', ')}`;
  return chosen === undefined ? `is missing; ${wanted}` : `${wanted}${meant(chosen, values)}`;
}

type Either = Readonly<{
  errors?: readonly (readonly Readonly<{ path: readonly PropertyKey[]; message: string }>[])[];
}>;

/** What each of several shapes finds wrong, each thing once. */
function eitherOf({ errors = [] }: Either): string {
  const found = errors.map((ofOne) =>
    ofOne.map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`)).join(' and '),
  );
  return [...new Set(found)].join(', or ') || 'is not one of the values that it may have';
}

/** "{ file } or { environment }"; undefined where a shape cannot be told in so few words. */
function shapesOf(inst: unknown): string | undefined {
  const options = (inst as Partial<z.core.$ZodUnion> | undefined)?._zod?.def?.options ?? [];
  const shapes = options.map((option) => {
    const keys = keysOf(option);
    return keys.length > 0 ? `{ ${keys.join(', ')} }` : kinds[option._zod.def.type];
  });
  return shapes.length === 0 || shapes.includes(undefined) ? undefined : shapes.join(' or ');
}

function keysOf(inst: unknown): readonly string[] {
  const shape = (inst as { _zod?: { def?: { shape?: object } } } | undefined)?._zod?.def?.shape;
  return shape === undefined ? [] : Object.keys(shape);
}

function meant(input: unknown, values: readonly unknown[]): string {
  return typeof input === 'string' ? didYouMean(input, values.map(String)) : '';
}

function amount(origin: string, relation: string, limit: number | bigint): string {
  if (origin === 'string') return `${relation} ${limit} characters`;
  if (origin === 'array' || origin === 'set') return `${relation} ${limit} entries`;
  return `${relation} ${limit}`;
}

/** What came instead: a number as it is, of anything else its kind. */
function got(input: unknown): string {
  if (input === undefined) return '';
  if (typeof input === 'number' || typeof input === 'boolean') return `, got ${String(input)}`;
  if (typeof input === 'string') return ', got a text';
  if (input === null) return ', got nothing';
  return Array.isArray(input) ? ', got a list' : ', got a group';
}
