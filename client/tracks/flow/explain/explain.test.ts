import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../base/random.ts';
import { learnFlowCluster } from '../cluster-state.ts';
import { FlowScorer } from '../flow-scorer.ts';
import { initialLinkModel, linkSpec } from '../link/link-model.ts';
import { trainLinkModel } from '../link/link-training.ts';
import { sampleCalls, sampleGraph, sampleWindows, windowOf } from '../testing/sample-windows.ts';
import { attributeLink, shapleyOf } from './attribution.ts';
import { explainEdge, hopOf } from './explain-edge.ts';
import { explanationSvg } from './explain-svg.ts';
import { explanationText } from './explain-text.ts';
import { type Hop, movementPath } from './movement-path.ts';
import { RecentHops } from './recent-hops.ts';

const spec = linkSpec('gcn');
const { weights } = trainLinkModel(
  spec,
  initialLinkModel(spec, 1),
  [2, 3, 4].map((seed) => sampleGraph(seed)),
  { seed: 1, steps: 40 },
);
const calls = sampleCalls(9, 12);
const scorer = new FlowScorer(spec, weights, (reader) =>
  learnFlowCluster(reader, sampleWindows(calls, 20, seededRandom(2))),
);
afterAll(() => scorer.close());

/** A front end that talks to a store which it never used. */
const intruded = windowOf([...calls, { client: 'w9-1', server: 'w9-11', port: 6379 }], 30);
const strange = intruded.slice.edgeCount - 1;

function hop(client: string, server: string, atMs: number, score = 5): Hop {
  return { client, server, service: 'tcp/22', firstMs: atMs, lastMs: atMs, score };
}

describe('explainEdge', () => {
  it('explains an edge that scores above all usual ones', () => {
    const scores = scorer.score(intruded).map(({ total }) => total);
    expect(scores.indexOf(Math.max(...scores))).toBe(strange);
    const explained = explainEdge(scorer, intruded, strange);
    expect(explained.edge).toMatchObject({
      client: 'workload shop/w9-1',
      server: 'workload shop/w9-11',
      service: 'tcp/6379',
    });
    expect(explained.surprisal.pair + explained.surprisal.service).toBeCloseTo(explained.surprisal.total, 12);
    expect(explained.memory).toMatchObject({ pair: 0 });
    expect(explained.surprisal.pValue).toBeLessThan(0.05);
    expect(explained.nearestNormal).toBeDefined();
    expect(JSON.parse(JSON.stringify(explained)).edge).toEqual(explained.edge);
    const text = explanationText(explained);
    expect(text).toContain('The pair was never seen');
    expect(text).not.toMatch(/NaN|undefined/);
  });

  it('gives parts that sum to what they explain', () => {
    const explained = explainEdge(scorer, intruded, strange);
    const shared = explained.shared;
    if (shared === undefined) throw new Error('the reference has edges');
    const sum = shared.parts.reduce((total, { logOdds }) => total + logOdds, 0);
    expect(shared.typical + sum).toBeCloseTo(shared.logit, 4);
    expect(shared.parts.some(({ logOdds }) => Math.abs(logOdds) > 0.01)).toBe(true);
  });

  it('reads the same log-odds as the scorer does', () => {
    const [score, explained] = [scorer.score(intruded)[strange], explainEdge(scorer, intruded, strange)];
    expect(explained.shared?.logit).toBeCloseTo(score?.logit as number, 3);
  });

  it('throws for an edge that is not there', () => {
    expect(() => explainEdge(scorer, intruded, 99)).toThrow(/no edge 99/);
  });
});

describe('attributeLink', () => {
  it('attributes nothing to a typical edge of a graph with one edge', () => {
    const graph = sampleGraph(2);
    const encoded = scorer.reader.read({
      ...graph,
      sources: graph.sources.slice(0, 1),
      targets: graph.targets.slice(0, 1),
      edgeFeatures: graph.edgeFeatures.slice(0, graph.edgeWidth),
    });
    const { parts, logit, typical } = attributeLink(encoded, graph.sources[0] as number, graph.targets[0] as number);
    encoded.close();
    expect(logit).toBeCloseTo(typical, 4);
    for (const { logOdds } of parts) expect(logOdds).toBeCloseTo(0, 4);
  });

  it('shapleyOf sums to the whole less the empty, and is fair to equals', () => {
    const values = fc.array(fc.double({ min: -9, max: 9, noNaN: true }), { minLength: 16, maxLength: 16 });
    fc.assert(
      fc.property(values, (all) => {
        const sum = shapleyOf(all, 4).reduce((total, share) => total + share, 0);
        expect(sum).toBeCloseTo((all[15] as number) - (all[0] as number), 6);
      }),
    );
    const bySize = Array.from(
      { length: 16 },
      (_, set) => [0, 1, 3, 7, 8][set.toString(2).replaceAll('0', '').length] as number,
    );
    for (const share of shapleyOf(bySize, 4)) expect(share).toBeCloseTo(2, 12);
  });
});

describe('movementPath', () => {
  const alarm = hop('b', 'c', 20);

  it('chains hops in the order of time through the alarm', () => {
    const hops = [hop('c', 'd', 30), hop('a', 'b', 10), hop('x', 'y', 15), hop('a', 'b', 40, 99), hop('c', 'e', 5, 99)];
    const path = movementPath(alarm, hops.slice(0, 3));
    expect(path.map(({ client, server }) => client + server)).toEqual(['ab', 'bc', 'cd']);
    // What came too late to lead here, or before it could be reached, is no part of it.
    expect(movementPath(alarm, hops.slice(3)).map(({ client }) => client)).toEqual(['b']);
  });

  it('holds what has gone on for days and still does', () => {
    const dayMs = 86_400_000;
    const late = { ...hop('b', 'c', 0), firstMs: 3 * dayMs, lastMs: 3 * dayMs };
    const lasting = { ...hop('a', 'b', 0), firstMs: 0, lastMs: 3 * dayMs - 1 };
    const over = { ...hop('x', 'a', 0), firstMs: 0, lastMs: dayMs };
    expect(movementPath(late, [over, lasting]).map(({ client }) => client)).toEqual(['a', 'b']);
  });

  it('is always in the order of time, enters nobody twice, and holds the alarm', () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    const any = fc.record({
      client: fc.constantFrom(...names),
      server: fc.constantFrom(...names),
      service: fc.constant('tcp/80'),
      firstMs: fc.integer({ min: 0, max: 50 }),
      lastMs: fc.integer({ min: 50, max: 60 }),
      score: fc.double({ min: 0, max: 9, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(any, { maxLength: 40 }), (hops) => {
        const path = movementPath(
          alarm,
          hops.filter(({ client, server }) => client !== server),
        );
        expect(path).toContain(alarm);
        expect(path.length).toBeLessThanOrEqual(8);
        expect(new Set([path[0]?.client, ...path.map(({ server }) => server)]).size).toBe(path.length + 1);
        for (const [at, next] of path.slice(1).entries()) {
          expect(next.client).toBe(path[at]?.server);
          expect((path[at] as Hop).firstMs).toBeLessThanOrEqual(next.lastMs);
        }
      }),
    );
  });

  it('is found quickly among thousands of hops of one workload', () => {
    const many = Array.from({ length: 3_000 }, (_, at) => hop('c', `t${at}`, 25, at / 1_000));
    expect(movementPath(alarm, many).at(-1)?.server).toBe('t2999');
  });

  it('is drawn from the latest hops, which are bounded', () => {
    const recent = new RecentHops(3);
    for (let at = 0; at < 5; at++) recent.add(hop('a', `t${at}`, at));
    recent.add(hop('a', 't2', 9, 7));
    expect(recent.all().map(({ server }) => server)).toEqual(['t3', 't4', 't2']);
    expect(recent.all().at(-1)).toMatchObject({ firstMs: 2, lastMs: 9, score: 7 });
  });
});

describe('explanationSvg', () => {
  it('draws the path without letting names become markup', () => {
    const before = hopOf(windowOf([{ client: '<script>"', server: 'w9-1', port: 22 }], 29), 0, 6);
    const explained = explainEdge(scorer, intruded, strange, [before]);
    expect(explained.path.length).toBe(2);
    const svg = explanationSvg(explained);
    expect(svg).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
    expect(svg).not.toContain('<script');
    expect(svg.match(/url\(#bad\)/g)).toHaveLength(2);
    expect(svg).not.toMatch(/NaN|undefined|href/);
  });
});
