import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tf } from '#tensorflow';
import { seededRandom } from '../../../../base/random.ts';
import { layoutOf } from '../../../../proto/layout.ts';
import { checkSpec } from '../../../../proto/model-spec.ts';
import { areaUnderRoc } from '../../metrics.ts';
import { sampleGraph } from '../testing/sample-windows.ts';
import { Adjacency, overlap, subgraph } from './link-graph.ts';
import { initialLinkModel, linkSizes, linkSpec } from './link-model.ts';
import { LinkReader } from './link-reader.ts';
import { linkExample, trainLinkModel } from './link-training.ts';
import { negativeKinds, negativeOf } from './negative-sampling.ts';
import { pairFeatures } from './pair-features.ts';

const graphs = [1, 2, 3, 4, 5, 6].map((seed) => sampleGraph(seed));

describe.each(['gcn', 'gat'] as const)('a %s link model', (encoder) => {
  const spec = linkSpec(encoder);

  it('has a legal spec', () => {
    expect(checkSpec(spec).ok).toBe(true);
    expect(layoutOf(spec).length).toBeLessThan(30_000);
    expect(() => linkSizes({ ...spec, architecture: 'flow-other/1' })).toThrow(/flow-gcn\/1/);
    expect(() => linkSizes({ ...spec, hyperparameters: { ...spec.hyperparameters, nodeWidth: 3 } })).toThrow(
      /features/,
    );
  });

  it('tells edges of an application that it never saw from pairs that are none, and leaves no tensor behind', () => {
    const before = tf.memory().numTensors;
    const { weights, steps, examples } = trainLinkModel(spec, initialLinkModel(spec, 1), graphs, {
      seed: 1,
      steps: 120,
    });
    expect(steps).toBe(120);
    expect(examples).toBe(graphs.reduce((sum, { sources }) => sum + sources.length, 0));
    const reader = new LinkReader(spec, weights);
    const [yes, no] = [[] as number[], [] as number[]];
    for (const seed of [71, 72, 73, 74]) {
      const graph = sampleGraph(seed);
      const known = new Adjacency(graph);
      const random = seededRandom(seed);
      for (let part = 0; part < 5; part++) {
        const held = [...graph.sources.keys()].filter((edge) => edge % 5 === part);
        const rest = subgraph(
          graph,
          [...graph.sources.keys()].filter((edge) => edge % 5 !== part),
        );
        const others = held.flatMap((edge) => {
          const pair = negativeOf(known, graph.sources[edge] as number, graph.targets[edge] as number, random);
          return pair === undefined ? [] : [pair];
        });
        yes.push(...reader.logits(rest, subgraph(graph, held)));
        no.push(...reader.logits(rest, { sources: others.map(([s]) => s), targets: others.map(([, t]) => t) }));
      }
    }
    reader.close();
    reader.close();
    expect(areaUnderRoc(no, yes)).toBeGreaterThan(0.8);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('gives the same bits for the same seed, and others for another', () => {
    const trained = (seed: number) =>
      trainLinkModel(spec, initialLinkModel(spec, 1), graphs, { seed, steps: 4 }).weights;
    expect(trained(2)).toEqual(trained(2));
    expect(trained(3)).not.toEqual(trained(2));
  });

  it('judges an edge of a graph as if it were not there', () => {
    const weights = initialLinkModel(spec, 6);
    const reader = new LinkReader(spec, weights);
    const graph = sampleGraph(8);
    const all = [...graph.sources.keys()];
    const each = reader.logitsWithout(graph, all.length);
    const edge = 3;
    const [alone] = reader.logits(
      subgraph(
        graph,
        all.filter((other) => other !== edge),
      ),
      subgraph(graph, [edge]),
    );
    reader.close();
    expect(each[edge]).toBeCloseTo(alone as number, 4);
  });

  it('learns nothing from graphs without edges', () => {
    const base = initialLinkModel(spec, 1);
    const empty = subgraph(sampleGraph(1), []);
    expect(trainLinkModel(spec, base, [empty], { seed: 1, steps: 5 })).toMatchObject({ weights: base, steps: 0 });
  });
});

describe('linkExample', () => {
  it('hides the edges it asks about, and asks about no edge as none', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), fc.integer({ min: 5, max: 30 }), (seed, size) => {
        const graph = sampleGraph(seed, size);
        const known = new Adjacency(graph);
        const example = linkExample(graph, known, seededRandom(seed));
        expect(example.labels).toContain(1);
        for (const [at, label] of example.labels.entries()) {
          const [source, target] = [example.sources[at] as number, example.targets[at] as number];
          expect(known.has(source, target)).toBe(label === 1);
          expect(example.adjacency.has(source, target)).toBe(false);
        }
      }),
    );
  });
});

describe('negativeOf', () => {
  it('finds none where everybody calls everybody', () => {
    const sources = Uint32Array.of(0, 0, 1, 1, 2, 2);
    const targets = Uint32Array.of(1, 2, 0, 2, 0, 1);
    const full = new Adjacency({ nodeCount: 3, sources, targets });
    for (const kind of negativeKinds) expect(negativeOf(full, 0, 1, seededRandom(1), kind)).toBeUndefined();
  });
});

describe('pairFeatures', () => {
  it('count as sets do', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), (seed) => {
        const graph = sampleGraph(seed, 18);
        const adjacency = new Adjacency(graph);
        const random = seededRandom(seed);
        const [s, t] = [Math.floor(random() * graph.nodeCount), Math.floor(random() * graph.nodeCount)];
        const found = pairFeatures(adjacency, [s], [t]);
        const out = (node: number) => new Set(graph.targets.filter((_, edge) => graph.sources[edge] === node));
        const into = (node: number) => new Set(graph.sources.filter((_, edge) => graph.targets[edge] === node));
        expect(found[0]).toBeCloseTo(Math.log1p(out(s).size), 5);
        expect(found[1]).toBeCloseTo(Math.log1p(into(t).size), 5);
        expect(found[4]).toBeCloseTo(Math.log1p(out(s).intersection(out(t)).size), 5);
        expect(found[6]).toBeCloseTo(Math.log1p(out(s).intersection(into(t)).size), 5);
        expect(found[8]).toBe(out(t).has(s) ? 1 : 0);
        expect(found.every(Number.isFinite)).toBe(true);
      }),
    );
  });

  it('are the same from tables as from lists', () => {
    const graph = sampleGraph(6, 24);
    const pairs = Array.from(
      { length: 100 },
      (_, at) => [at % graph.nodeCount, (7 * at + 3) % graph.nodeCount] as const,
    );
    const many = pairFeatures(
      new Adjacency(graph),
      pairs.map(([s]) => s),
      pairs.map(([, t]) => t),
    );
    const each = pairs.flatMap(([s, t]) => [...pairFeatures(new Adjacency(graph), [s], [t])]);
    expect([...many]).toEqual(each.map((value) => expect.closeTo(value, 5)));
  });

  it('overlap does not depend on which list is longer', () => {
    const lists = fc.uniqueArray(fc.integer({ min: 0, max: 60 })).map((values) => Uint32Array.from(values).sort());
    fc.assert(
      fc.property(lists, lists, (a, b) => {
        const wanted = new Set(a).intersection(new Set(b)).size;
        expect([overlap(a, b), overlap(b, a)]).toEqual([wanted, wanted]);
      }),
    );
  });
});
