import { expect, it } from 'vitest';
import type { ClassName, Digest } from '../../proto/ids.ts';
import { type ContentRules, checkContent } from './check-content.ts';

const [schema, other] = [`sha256:${'a'.repeat(64)}`, `sha256:${'b'.repeat(64)}`] as [Digest, Digest];
const [web, batch, system] = ['web', 'batch', 'system'] as ClassName[] as [ClassName, ClassName, ClassName];
const rules: ContentRules = { schemaDigest: schema, modelBytes: 64, classes: undefined };
const byClass: ContentRules = { ...rules, classes: [web, batch] };
const header: Parameters<typeof checkContent>[0] = { schema, plainBytes: 64 };

it('takes what is of the schema and the size of its track, and speaks for classes it was approved for', () => {
  expect(checkContent(header, rules, [])).toEqual({ ok: true, value: undefined });
  expect(checkContent({ ...header, classes: [web] }, byClass, [web, system])).toEqual({ ok: true, value: undefined });
  expect(checkContent({ ...header, classes: [web, batch] }, byClass, [web, batch]).ok).toBe(true);
});

it.each([
  [
    { schema: other },
    rules,
    [],
    {
      ...{ code: 'SCHEMA_MISMATCH', fields: { expected: schema, actual: other } },
      message: 'the update has another model spec than its track; fetch the spec again',
    },
  ],
  [
    { plainBytes: 63 },
    rules,
    [],
    {
      ...{ code: 'LENGTH_MISMATCH', fields: { expected: 64, actual: 63 } },
      message: 'plain_bytes must be exactly 64 for this track, got 63',
    },
  ],
  [
    {},
    byClass,
    [web],
    {
      code: 'CLASS_NOT_DECLARED',
      message: 'this model has blocks by class; declare the classes that the update speaks for',
    },
  ],
  [
    { classes: [web, system] },
    byClass,
    [web, system],
    { code: 'CLASS_NOT_APPROVED', message: 'the model has no class system; declare classes of its spec alone' },
  ],
  [
    { classes: [web] },
    rules,
    [web],
    { code: 'CLASS_NOT_APPROVED', message: 'the model has no class web; declare classes of its spec alone' },
  ],
  [
    { classes: [web, batch] },
    byClass,
    [web],
    {
      code: 'CLASS_NOT_APPROVED',
      message: 'the cluster was not approved for class batch; an operator approves it by `testudo clusters approve`',
    },
  ],
] as const)('refuses %j of a track, saying what would be right', (more, of, approved, fault) => {
  expect(checkContent({ ...header, ...more }, of, approved)).toEqual({ ok: false, fault });
});
