import { describe, expect, it } from 'vitest';
import type { IntrusionLabel } from '../events/source-item.ts';
import { IntrusionLabels } from './intrusion-labels.ts';

const id = '551e161c47d8ff0eb665438a7bcd5b4e3ef5a297282b40a92b7c77d6bd168eb3';
const web = { namespace: 'shop', pod: 'web-1', containerId: id };
const span = { firstMs: 1_000_000, lastMs: 1_010_000 };

function label(over: Partial<IntrusionLabel> = {}): IntrusionLabel {
  const base = {
    rule: 'Shell',
    priority: 'Notice',
    text: '',
    atMs: 1_005_000,
    namespace: 'shop',
    pod: 'web-1',
    container: '',
  };
  return { ...base, ...over };
}

function labels() {
  const counts = { matched: 0, unmatched: 0 };
  const clock = { nowMs: 1_020_000 };
  const heard = new IntrusionLabels(
    () => clock.nowMs,
    (outcome, count) => {
      counts[outcome] += count;
    },
  );
  return { heard, counts, clock };
}

describe('IntrusionLabels', () => {
  it.each([
    ['the pod in its namespace', label(), true],
    ['a pod whose namespace the tool does not know', label({ namespace: '' }), true],
    ['a pod of that name in another namespace', label({ namespace: 'bank' }), false],
    ['the container by twelve digits', label({ namespace: '', pod: '', container: id.slice(0, 12) }), true],
    ['the container by its whole id', label({ namespace: '', pod: '', container: id }), true],
    ['another container', label({ namespace: '', pod: '', container: 'f'.repeat(12) }), false],
    [
      'the container by fewer digits than tell it apart',
      label({ namespace: '', pod: '', container: id.slice(0, 8) }),
      false,
    ],
    ['the pod, and another of its containers', label({ container: 'f'.repeat(12) }), true],
    ['the pod, two minutes later', label({ atMs: span.lastMs + 120_000 }), false],
    ['the pod, without a time', label({ atMs: 0 }), true],
  ])('match what is about %s, whichever comes first', (_, one, isSame) => {
    const before = labels();
    before.heard.hear(one);
    expect(before.heard.rulesFor('a-1', web, span)).toEqual(isSame ? ['Shell'] : []);
    const after = labels();
    after.heard.rulesFor('a-1', web, span);
    expect(after.heard.hear(one)).toEqual(isSame ? ['a-1'] : []);
    expect([before.counts.matched, after.counts.matched]).toEqual(isSame ? [1, 1] : [0, 0]);
  });

  it('match an alert of which only fifteen digits of the container are known', () => {
    const { heard } = labels();
    heard.hear(label({ pod: '', container: id }));
    expect(heard.rulesFor('a-1', { namespace: '', pod: '', containerId: id.slice(0, 15) }, span)).toEqual(['Shell']);
  });

  it('count each label once: as matched by any number of alerts, or as unmatched when it is too old', () => {
    const { heard, counts, clock } = labels();
    heard.hear(label());
    heard.hear(label({ pod: 'db-1' }));
    for (const alert of ['a-1', 'a-2']) heard.rulesFor(alert, web, span);
    expect(counts).toEqual({ matched: 1, unmatched: 0 });
    clock.nowMs += 600_001;
    heard.hear(label({ pod: 'other' }));
    expect(counts).toEqual({ matched: 1, unmatched: 1 });
  });

  it('count what names neither pod nor container as unmatched at once, and what the oldest give way to', () => {
    const { heard, counts } = labels();
    heard.hear(label({ pod: '', container: '' }));
    expect(counts).toEqual({ matched: 0, unmatched: 1 });
    for (let index = 0; index < 257; index += 1) heard.hear(label({ pod: `pod-${index}` }));
    expect(counts).toEqual({ matched: 0, unmatched: 1 + 128 });
  });
});
