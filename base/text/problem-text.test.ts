import { expect, it } from 'vitest';
import { z } from 'zod';
import { problemText } from './problem-text.ts';

const schema = z.strictObject({
  port: z.int().min(1).max(65_535),
  name: z.string().min(2),
  level: z.enum(['info', 'warn', 'error']),
  rule: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('krum') }),
    z.strictObject({ kind: z.literal('mean') }),
  ]),
  tls: z.strictObject({ certFile: z.string(), keyFile: z.string() }).optional(),
  token: z.union([z.strictObject({ file: z.string() }), z.strictObject({ environment: z.string() })]).optional(),
  hours: z.union([z.number(), z.array(z.number())]).optional(),
});
const right = { port: 1, name: 'ab', level: 'info', rule: { kind: 'krum' } };

function problems(value: object): readonly string[] {
  const parsed = schema.safeParse({ ...right, ...value }, { error: problemText });
  return parsed.success ? [] : parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
}

it.each([
  [{ port: undefined }, 'port: is missing; expected a number'],
  [{ port: 0 }, 'port: expected at least 1, got 0'],
  [{ port: 70_000 }, 'port: expected at most 65535, got 70000'],
  [{ port: 's3cret' }, 'port: expected a number, got a text'],
  [{ port: 1.5 }, 'port: expected a whole number, got 1.5'],
  [{ name: 'a' }, 'name: expected at least 2 characters, got a text'],
  [{ level: 'wran' }, 'level: expected info, warn, error, got a text; did you mean warn?'],
  [{ rule: { kind: 'kurm' } }, 'rule.kind: expected krum, mean; did you mean krum?'],
  [{ rule: {} }, 'rule.kind: is missing; expected krum, mean'],
  [{ token: 's3cret' }, 'token: expected { file } or { environment }, got a text'],
  [{ token: { fiel: 'a' } }, 'token: expected { file } or { environment }, got a group'],
  [{ hours: 'noon' }, 'hours: expected a number or a list, got a text'],
  [{ nmae: 1 }, ': there is no setting nmae; did you mean name?'],
  [{ tls: { certFile: 'a', keyFile: 'b', x: 1 } }, 'tls: there is no setting x; there are: certFile, keyFile'],
])('%j is told as: %s', (value, text) => {
  expect(problems(value)).toEqual([text]);
});

it('ten names that a stranger wrote are told, each no longer than a word may be, and of the others how many', () => {
  const long = 'x'.repeat(100_000);
  expect(problems({ [long]: 1 })).toEqual([expect.stringMatching(/^: there is no setting x{64}…; there are: /)]);
  const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`unheard-of-${at}`, 1]));
  const [text = ''] = problems(many);
  expect(text.split('there is no setting unheard-of-')).toHaveLength(11);
  expect(text).toMatch(/; nor 990 more that stand there$/);
});
