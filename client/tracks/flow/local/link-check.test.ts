import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../base/random.ts';
import type { LinkReader } from '../link/link-reader.ts';
import { sampleWindows } from '../testing/sample-windows.ts';
import { edgeSurprisal } from './edge-surprisal.ts';
import { sharedWeightOf } from './link-check.ts';
import { namedPairs, ReferenceGraph } from './reference-graph.ts';

/** A star and its tail: twelve clients of one database, which calls a cache. */
const calls = [
  ...Array.from({ length: 12 }, (_, at) => ({ client: `web${at}`, server: 'db', port: 5432 })),
  { client: 'db', server: 'cache', port: 6379 },
];

function learnt(some = calls): ReferenceGraph {
  const reference = new ReferenceGraph();
  for (const window of sampleWindows(some, 3, seededRandom(1))) reference.learn(namedPairs(window));
  return reference;
}

/** A model that says of each pair what `logit` does, by the keys of its ends. */
function readerOf(reference: ReferenceGraph, logit: (source: string, target: string) => number): LinkReader {
  const keys = reference.keys();
  return {
    read: () => ({
      logits: ({ sources, targets }: { sources: Uint32Array; targets: Uint32Array }) =>
        Float32Array.from(sources, (source, at) =>
          logit(keys[source] as string, keys[targets[at] as number] as string),
        ),
      close() {},
    }),
  } as unknown as LinkReader;
}

describe('sharedWeightOf', () => {
  it('gives a model that knows the cluster a say, and none to one that does not', () => {
    const reference = learnt();
    const knows = readerOf(reference, (_, target) => (/db|cache/.test(target) ? 3 : -3));
    const ignorant = readerOf(reference, () => 0);
    const wrong = readerOf(reference, (_, target) => (/db|cache/.test(target) ? -3 : 3));
    expect(sharedWeightOf(knows, reference)).toBeGreaterThan(0.5);
    expect(sharedWeightOf(ignorant, reference)).toBe(0);
    expect(sharedWeightOf(wrong, reference)).toBe(0);
    expect(
      sharedWeightOf(
        readerOf(reference, () => Number.NaN),
        reference,
      ),
    ).toBe(0);
  });

  it('lets it judge alone where there is no past, and not on the word of a few pairs', () => {
    const empty = new ReferenceGraph();
    expect(
      sharedWeightOf(
        readerOf(empty, () => 0),
        empty,
      ),
    ).toBe(1);
    const few = learnt(calls.slice(0, 3));
    expect(
      sharedWeightOf(
        readerOf(few, () => 5),
        few,
      ),
    ).toBe(0);
  });
});

describe('edges that were never seen', () => {
  const seen = { pair: 1, together: 90, service: 1, serverServices: 90, serverService: 1 };
  const otherService = { ...seen, service: 0, serverService: 80 };
  const otherPair = { pair: 0, together: 1, service: 0, serverServices: 90, serverService: 90 };
  const past = { windows: 20 };

  it('rank above all that were, whatever the shared model says, in a cluster with a past', () => {
    const usual = edgeSurprisal(seen, -8, past).total;
    const service = edgeSurprisal(otherService, 8, past).total;
    const pair = edgeSurprisal(otherPair, 8, past).total;
    expect(usual).toBeLessThan(service);
    expect(service).toBeLessThan(pair);
    expect(pair).toBeLessThan(edgeSurprisal({ ...otherPair, together: 50 }, 8, past).total);
  });

  it('are all that the shared model has a say on there', () => {
    const by = (evidence: typeof seen, logit: number) => edgeSurprisal(evidence, logit, past).total;
    expect(by(seen, -8)).toBe(by(seen, 8));
    expect(by(otherService, -8)).toBe(by(otherService, 8));
    expect(by(otherPair, -8)).toBeGreaterThan(by(otherPair, 8) + 5);
    // In a cluster without a past it speaks of all.
    expect(edgeSurprisal(seen, -8).total).toBeGreaterThan(edgeSurprisal(seen, 8).total);
  });

  it('are judged by the shared model in a cluster without one', () => {
    const blank = { pair: 0, together: 0, service: 0, serverServices: 0, serverService: 0 };
    expect(edgeSurprisal(blank, 4).total).toBeLessThan(0.1);
    expect(edgeSurprisal(blank, -4).total).toBeGreaterThan(4);
  });
});
