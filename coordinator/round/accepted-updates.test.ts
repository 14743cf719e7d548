import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { ClusterId, Digest } from '../../proto/ids.ts';
import { hasPayload, indexOfCluster, isInCohort, updateOf, withUpdate } from './accepted-updates.ts';
import type { GrowingList, ListOf } from './growing-list.ts';
import type { Accepted } from './phase.ts';

const names = Array.from({ length: 12 }, (_, at) => `c-${at}` as ClusterId).sort();

const updateFrom = (cluster: ClusterId, payload: number): Accepted => ({
  ...{ cluster, payloadDigest: `sha256:${payload}` as Digest, payloadBytes: 1, baseDigest: 'sha256:b' as Digest },
  ...{ staleness: 0, exampleCount: 1, signature: '', acceptedAtMs: payload },
});

/** What is found is what looking through the list would find. */
function expectFound(found: ListOf<Accepted>): void {
  const list = [...found];
  for (const cluster of names) {
    const at = list.findIndex((update) => update.cluster === cluster);
    expect(indexOfCluster(found, cluster)).toBe(at);
    expect(updateOf(found, cluster)).toEqual(list[at]);
  }
  for (let payload = 0; payload < 30; payload++) {
    const digest = `sha256:${payload}` as Digest;
    expect(hasPayload(found, digest)).toBe(list.some(({ payloadDigest }) => payloadDigest === digest));
  }
}

it('finds what is in a list, whatever other lists have gone on from the same one', () => {
  const grown = fc.record({ from: fc.nat(40), cluster: fc.constantFrom(...names), payload: fc.nat(29) });
  fc.assert(
    fc.property(fc.array(grown, { maxLength: 40 }), fc.infiniteStream(fc.boolean()), (steps, looks) => {
      const lists: ListOf<Accepted>[] = [[]];
      for (const { from, cluster, payload } of steps) {
        const list = lists[from % lists.length] as ListOf<Accepted>;
        const update = updateFrom(cluster, payload);
        if ([...list].some((one) => one.cluster === cluster || one.payloadDigest === update.payloadDigest)) continue;
        const longer = withUpdate(list, update);
        expect([...longer]).toEqual([...list, update]);
        lists.push(longer);
        // Looking makes places where there are none: with and without it, the answers are the same.
        if (looks.next().value) expectFound(lists[from % lists.length] as ListOf<Accepted>);
      }
      for (const list of lists) expectFound(list);
    }),
  );
});

it('keeps apart what went on from one list otherwise, in whichever field', () => {
  const start = withUpdate([], updateFrom('c-1' as ClusterId, 1));
  const one = { ...updateFrom('c-2' as ClusterId, 2), signature: 'a' };
  const first = withUpdate(start, one);
  // The very same update again takes no copy.
  const sharedOf = (list: ListOf<Accepted>) => (list as GrowingList<Accepted>).shared;
  expect(sharedOf(withUpdate(start, { ...one }))).toBe(sharedOf(first));
  const others: Accepted[] = [
    { ...one, cluster: 'c-3' as ClusterId },
    { ...one, payloadDigest: 'sha256:3' as Digest },
    { ...one, acceptedAtMs: 3 },
    { ...one, signature: 'b' },
  ];
  for (const other of others) {
    expect([...withUpdate(start, other)].at(-1)).toEqual(other);
    expect([...first].at(-1)).toEqual(one);
  }
});

it('finds nothing in a list of what a longer one added to what both share', () => {
  const start = withUpdate([], updateFrom('c-1' as ClusterId, 1));
  const longer = withUpdate(start, updateFrom('c-2' as ClusterId, 2));
  expect(indexOfCluster(longer, 'c-2' as ClusterId)).toBe(1);
  expect(indexOfCluster(start, 'c-2' as ClusterId)).toBe(-1);
  expect(hasPayload(start, 'sha256:2' as Digest)).toBe(false);
});

it('finds as well in a list that was read back', () => {
  const list = [updateFrom('c-1' as ClusterId, 1), updateFrom('c-2' as ClusterId, 2)];
  expectFound(JSON.parse(JSON.stringify(list)) as Accepted[]);
  expectFound(withUpdate(list, updateFrom('c-3' as ClusterId, 3)));
});

it('knows the members of a sorted cohort, as looking through it would', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.constantFrom(...names)), (some) => {
      const cohort = some.sort();
      for (const name of names) expect(isInCohort(cohort, name)).toBe(cohort.includes(name));
    }),
  );
});
