import { describe, expect, it } from 'vitest';
import { learnFlowCluster, recordOf, stateOf } from './cluster-state.ts';
import { FlowScorer } from './flow-scorer.ts';
import { initialLinkModel, linkSpec } from './link/link-model.ts';
import { windowOf } from './testing/sample-windows.ts';

const call = (client: string, server: string, port: number) => ({ client, server, port });
const busy = Array.from({ length: 6 }, (_, at) => call(`web${at}`, 'db', 5432));
const nowAndThen = call('web0', 'mail', 25);
/** Twelve windows: six pairs are active in all of them, one in every third. */
const normal = Array.from({ length: 12 }, (_, at) => windowOf(at % 3 === 0 ? [...busy, nowAndThen] : busy, at));

describe('an edge that was seen before', () => {
  const spec = linkSpec('gcn');
  const scorer = new FlowScorer(spec, initialLinkModel(spec, 1), (reader) => learnFlowCluster(reader, normal));
  const stranger = call('web1', 'mail', 25);
  const edges = scorer.score(windowOf([...busy, nowAndThen, stranger], 13));
  const scores = edges.map(({ score }) => score);
  const { seenUsual } = scorer.state;
  const record = JSON.parse(JSON.stringify(recordOf(scorer.state)));
  scorer.close();

  it('is not excused by how busy its pair is: it scores no lower than half of what is usual', () => {
    for (const [edge] of busy.entries()) {
      expect(scores[edge]).toBe(seenUsual);
      expect(edges[edge]?.total).toBeLessThanOrEqual(seenUsual as number);
      expect(edges[edge]?.pValue).toBe(1);
    }
  });

  it('scores as it did where it is rarer than that, and below what was never seen', () => {
    const [rare, never] = scores.slice(busy.length) as [number, number];
    expect(rare).toBe(edges[busy.length]?.total);
    expect(rare).toBeGreaterThan(seenUsual as number);
    expect(never).toBeGreaterThan(rare + 10);
  });

  it('keeps that bound in its record; records of before have none', () => {
    expect(seenUsual).toBeGreaterThan(0);
    expect(stateOf(record).seenUsual).toBe(seenUsual);
    const { seenUsual: _, ...before } = record;
    expect(stateOf(before).seenUsual).toBeUndefined();
  });

  it('has no such bound where nothing was learnt', () => {
    const blank = new FlowScorer(spec, initialLinkModel(spec, 1));
    const found = blank.score(windowOf(busy, 1));
    expect(found.map(({ score }) => score)).toEqual(found.map(({ total }) => total));
    blank.close();
  });
});
