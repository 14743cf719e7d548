import { expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { parseTrackPolicy, policyJsonSchema } from './policy.ts';

type Shape = Readonly<{ properties?: Readonly<Record<string, Shape>> }>;

it('the JSON Schema of a policy names every setting that a policy comes to, and of a digest what one looks like', () => {
  const schema = policyJsonSchema() as Shape;
  const policy = unwrap(parseTrackPolicy('{ aggregation: { f: 1 }, sample: {}, gate: {}, history: {} }'));
  for (const group of ['rounds', 'training', 'sample', 'gate', 'history'] as const) {
    const names = Object.keys(schema.properties?.[group]?.properties ?? {});
    expect(names).toEqual(expect.arrayContaining(Object.keys(policy[group] ?? {})));
    expect(names.length).toBeGreaterThan(0);
  }
  expect(schema.properties?.sample?.properties?.digest).toEqual({ type: 'string', pattern: '^sha256:[0-9a-f]{64}$' });
});

it('a policy takes the digest of a sample and nothing else in its place', () => {
  const digest = `sha256:${'0a'.repeat(32)}`;
  const policyOf = (value: unknown) =>
    parseTrackPolicy(JSON.stringify({ aggregation: { f: 1 }, sample: { digest: value } }));
  expect(unwrap(policyOf(digest)).sample?.digest).toBe(digest);
  for (const wrong of ['sha256:0a', digest.toUpperCase(), `${digest}\n`, 7, null]) {
    expect(policyOf(wrong)).toMatchObject({ ok: false, fault: { code: 'POLICY_INVALID' } });
  }
});
