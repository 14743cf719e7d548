import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { madePod } from '../testing/made-facts.ts';
import { markOf, quarantineChange } from './marks.ts';

const mark = { atMs: 1_000, untilMs: 2_000, evidence: 'sha256:abc', alerts: ['a-1', 'a-2'] };
/** Longer than the API server takes them, and names that mean something to JavaScript. */
const keys = fc.oneof(
  fc.constantFrom('app', 'testudo.io/quarantined', 'pod-template-hash', '__proto__', 'constructor', 'toString'),
  fc.string({ maxLength: 300 }),
);
const texts = fc.dictionary(keys, fc.string({ maxLength: 500 }), { maxKeys: 12, noNullPrototype: false });

/** As the API server does it (RFC 7386), from the bytes that it is sent. */
function patched(before: Readonly<Record<string, string>>, change: object | undefined): Map<string, unknown> {
  const sent = JSON.parse(JSON.stringify(change ?? {})) as object;
  const after = new Map<string, unknown>(Object.entries(before));
  for (const [key, value] of Object.entries(sent)) {
    if (value === null) after.delete(key);
    else after.set(key, value);
  }
  return after;
}

describe('the patch of a quarantine', () => {
  it('leaves one label, whatever labels a pod bears, and says what they were', () => {
    fc.assert(
      fc.property(texts, (labels) => {
        const change = quarantineChange({ labels }, mark);
        expect([...patched(labels, change.labels)]).toEqual([['testudo.io/quarantined', 'true']]);
        const before = change.annotations?.['testudo.io/labels-before'] as string;
        expect(Object.entries(JSON.parse(before))).toEqual(Object.entries(labels));
      }),
    );
  });

  it('says of labels that are too many where they stand: annotations have a limit of their own', () => {
    const labels = { app: 'x'.repeat(70_000) };
    const { annotations } = quarantineChange({ labels }, mark);
    expect(annotations?.['testudo.io/labels-before']).toBe('too many: they stand in the evidence');
  });

  it('is read back as it was written', () => {
    const { annotations } = quarantineChange({ labels: { app: 'web' } }, mark);
    const pod = madePod('a', {
      labels: { 'testudo.io/quarantined': 'true' },
      annotations: annotations as Record<string, string>,
    });
    expect(markOf(pod)).toEqual(mark);
  });

  it('reads whatever stands on a pod: it has an end that is a time, or none', () => {
    const ours = fc.constantFrom('testudo.io/quarantine-until', 'testudo.io/quarantined-at', 'testudo.io/alerts');
    const annotations = fc.dictionary(fc.oneof(ours, keys), fc.string({ maxLength: 500 }), { maxKeys: 8 });
    fc.assert(
      fc.property(texts, annotations, (labels, written) => {
        const found = markOf(madePod('a', { labels, annotations: written }));
        expect(found === undefined).toBe(labels['testudo.io/quarantined'] !== 'true');
        if (found === undefined) return;
        expect(Number.isFinite(found.atMs)).toBe(true);
        expect(Number.isNaN(found.untilMs)).toBe(false);
      }),
    );
  });
});
