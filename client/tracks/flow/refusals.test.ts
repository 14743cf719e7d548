import { describe, expect, it } from 'vitest';
import { readLines } from '../../sources/testing/read-lines.ts';
import { readerTables } from '../../sources/testing/tables/all.ts';
import { learnFlowCluster, recordOf, stateOf } from './cluster-state.ts';
import { flowDetectorStart } from './detectors.ts';
import { explainEdge } from './explain/explain-edge.ts';
import { explanationText } from './explain/explain-text.ts';
import { FlowScorer } from './flow-scorer.ts';
import { refusedShareOf } from './graph/refused-share.ts';
import type { NamedSlice } from './graph/slice.ts';
import { FlowSlicer } from './graph/slicer.ts';
import { plainFlow, pod } from './graph/testing/any-flow.ts';
import { initialLinkModel, linkSpec } from './link/link-model.ts';
import { trackKind } from './track.ts';

const callsOfShop = [
  ['web', 'orders', 8080],
  ['web', 'stock', 8080],
  ['orders', 'db', 5432],
  ['stock', 'db', 5432],
  ['orders', 'mail', 25],
  ['report', 'db', 5432],
] as const;

/** One minute of the shop; what `refused` names is refused by a policy, and the rest goes on its way. */
function minute(at: number, refused: readonly string[] = []): NamedSlice {
  const slicer = new FlowSlicer({ intervalMs: 60_000, windowIntervals: 1, latenessMs: 0, partialWindows: true });
  for (const [client, server, destinationPort] of callsOfShop) {
    const isRefused = refused.includes(`${client} ${server}`);
    slicer.push({
      ...plainFlow,
      atMs: at * 60_000,
      source: pod(client),
      destination: pod(server),
      destinationPort,
      count: 12,
      ...(isRefused && { verdict: 'dropped' as const, verdictReason: 'POLICY_DENIED' }),
    });
  }
  const [window] = slicer.flush().flatMap((event) => (event.kind === 'slice' ? [event] : []));
  if (window === undefined) throw new Error('a minute of flows is a window');
  return window;
}

function edgeOf({ slice, names }: NamedSlice, client: string, server: string): number {
  const named = (row: number | undefined) => names.nodes[row as number]?.workload;
  return names.edges.findIndex(
    (_, edge) => named(slice.clients[edge]) === client && named(slice.servers[edge]) === server,
  );
}

/** The mail server's policy refuses orders, as it always has. */
const usual = Array.from({ length: 12 }, (_, at) => minute(at, ['orders mail']));
const allowed = minute(20, ['orders mail']);
const denied = minute(20, ['orders mail', 'orders db']);
const opened = minute(20);

describe.each(['gcn-refusals', 'gat-refusals'] as const)('the flow detector %s', (name) => {
  const { spec, init } = flowDetectorStart(name);
  const weights = init(1);

  it('finds an edge strange whose flows are all denied at once, and says so', () => {
    const scorer = new FlowScorer(spec, weights, (reader) => learnFlowCluster(reader, usual));
    const edge = edgeOf(denied, 'orders', 'db');
    const [whenDenied, whenAllowed] = [scorer.score(denied), scorer.score(allowed)];
    expect(whenDenied[edge]?.total).toBeGreaterThan((whenAllowed[edge]?.total as number) + 2);
    // Nothing else is strange about it, and nothing about the others.
    expect(whenDenied[edge]?.pair).toBe(whenAllowed[edge]?.pair);
    for (const other of whenDenied.keys()) if (other !== edge) expect(whenDenied[other]).toEqual(whenAllowed[other]);
    const explained = explainEdge(scorer, denied, edge);
    const { pair, service, refusal, total } = explained.surprisal;
    expect(pair + service + (refusal as number)).toBeCloseTo(total, 12);
    expect(explained.refusal).toMatchObject({ share: 1, reasons: ['POLICY_DENIED'] });
    expect(explanationText(explained)).toMatch(
      /^Of it 100 % was refused \(POLICY_DENIED\), \d % was to be expected: \d/m,
    );
    expect(explanationText(explainEdge(scorer, allowed, edgeOf(allowed, 'orders', 'db')))).not.toContain('was refused');
    scorer.close();
  });

  it('takes what is always refused for usual, and is surprised when it is let through', () => {
    const scorer = new FlowScorer(spec, weights, (reader) => learnFlowCluster(reader, usual));
    const edge = edgeOf(allowed, 'orders', 'mail');
    expect(scorer.score(allowed)[edge]?.refusal).toBeLessThan(0.1);
    expect(scorer.score(opened)[edge]?.refusal).toBeGreaterThan(2);
    const text = explanationText(explainEdge(scorer, opened, edgeOf(opened, 'orders', 'mail')));
    expect(text).toMatch(/^Of it 0 % was refused, 9\d % was to be expected/m);
    scorer.close();
  });

  it('remembers what was refused in a record of the cluster, too', () => {
    const scorer = new FlowScorer(spec, weights, (reader) => learnFlowCluster(reader, usual));
    const record = JSON.parse(JSON.stringify(recordOf(scorer.state)));
    const again = new FlowScorer(spec, weights, ({ columns }) => stateOf(record, columns));
    const scores = again.score(denied);
    for (const [edge, { total }] of scorer.score(denied).entries()) expect(scores[edge]?.total).toBeCloseTo(total, 6);
    expect(() => stateOf(record)).toThrow(/reference graph/);
    again.close();
    scorer.close();
  });

  it('learns from many clusters what is refused', async () => {
    const learner = await trackKind.openLearner(spec, weights, { seed: 1, stepsMax: 80 });
    if (!learner.ok) throw new Error(learner.fault.message);
    for (let epoch = 0; epoch < 10; epoch++) {
      for (const batch of learner.value.batches(usual, 8, epoch)) learner.value.step(batch, { learningRate: 0.01 });
    }
    const scorer = new FlowScorer(spec, learner.value.weights());
    learner.value.close();
    // A cluster without a past: only the shared model speaks.
    const scores = scorer.score(allowed);
    const refusalLogit = (client: string, server: string) =>
      scores[edgeOf(allowed, client, server)]?.refusalLogit as number;
    expect(refusalLogit('orders', 'mail')).toBeGreaterThan(refusalLogit('web', 'stock') + 1);
    expect(refusalLogit('web', 'stock')).toBeLessThan(-1);
    scorer.close();
  });
});

describe('the flow detectors of the first version', () => {
  it.each(['gcn', 'gat'] as const)('%s judges by ends and services alone, to the bit', (name) => {
    const { spec, init } = flowDetectorStart(name);
    expect(spec).toEqual(linkSpec(name));
    const judge = (learnt: readonly NamedSlice[], judged: NamedSlice) => {
      const scorer = new FlowScorer(spec, initialLinkModel(spec, 1), (reader) => learnFlowCluster(reader, learnt));
      const scores = scorer.score(judged);
      scorer.close();
      return scores;
    };
    expect(init(1)).toEqual(initialLinkModel(spec, 1));
    const plain = Array.from({ length: 12 }, (_, at) => minute(at));
    const blind = judge(usual, denied);
    expect(blind).toEqual(judge(plain, opened));
    for (const { total, pair, service, score, ...rest } of blind) {
      expect(total).toBe(pair + service);
      expect(score).toBeGreaterThanOrEqual(total);
      expect(Object.keys(rest).sort()).toEqual(['logit', 'pValue']);
    }
  });
});

const tablesOfFlows = readerTables.filter(({ cases }) =>
  cases.some(({ items }) => items.some(({ kind }) => kind === 'flow')),
);

describe('the refused share of an edge', () => {
  it.each(tablesOfFlows.map((table) => [`${table.source}: ${table.title}`, table] as const))(
    'is 1 where all that %s read of it was refused, and 0 where all was let through',
    async (_, table) => {
      const lines = table.cases.map((one) => one.lines);
      const items = (await Promise.all(lines.map((each) => readLines(table, each)))).flat();
      let judged = 0;
      for (const item of items) {
        if (item.kind !== 'flow' || item.flow.count === 0) continue;
        const slicer = new FlowSlicer({ intervalMs: 60_000, windowIntervals: 1, latenessMs: 0, partialWindows: true });
        const events = [...slicer.push(item.flow), ...slicer.flush()];
        const [window] = events.flatMap((event) =>
          event.kind === 'slice' && event.slice.edgeCount > 0 ? [event] : [],
        );
        if (window === undefined) continue;
        judged++;
        const isRefused = item.flow.verdict === 'dropped' || item.flow.verdict === 'error';
        expect([item.flow, refusedShareOf(window.slice, 0)]).toEqual([item.flow, isRefused ? 1 : 0]);
      }
      expect(judged).toBeGreaterThan(1);
    },
  );
});
