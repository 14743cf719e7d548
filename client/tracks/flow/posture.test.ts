import { describe, expect, it } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import type { LastingCode } from '../../posture/exposure.ts';
import { learnFlowCluster, recordOf, stateOf } from './cluster-state.ts';
import { flowDetectorStart } from './detectors.ts';
import { windowCodec } from './flow-example.ts';
import { FlowIntake } from './flow-intake.ts';
import { FlowScorer } from './flow-scorer.ts';
import { postureNames } from './graph/posture-columns.ts';
import type { NamedSlice } from './graph/slice.ts';
import { encodeSlice } from './graph/slice-codec.ts';
import { plainFlow, pod } from './graph/testing/any-flow.ts';
import { trackKind } from './track.ts';

const onNode: readonly LastingCode[] = ['PRIVILEGED', 'HOST_PID', 'RUNS_AS_ROOT'];
/** Agents of nodes are privileged, and so is one that came last; of all the others nothing was found. */
const exposures = (isKnown: boolean) => (_namespace: string, workload: string) => {
  if (!isKnown) return undefined;
  return workload.startsWith('agent') || workload === 'new-agent' ? onNode : [];
};

/** One minute: every workload asks `api`, and agents of nodes ask `node` as well; `more` beside that. */
function minute(at: number, more: readonly (readonly [string, string])[] = [], isKnown = true): NamedSlice {
  const surroundings = {
    riskOf: () => undefined,
    exposedBy: exposures(isKnown),
    salt: new Uint8Array(32),
    now: () => 0,
  };
  const intake = new FlowIntake(surroundings, { intervalMs: 60_000, windowIntervals: 1 }).from({
    ...{ name: 'made', recorded: true, skipped: () => undefined, coarsened: () => undefined },
  });
  const agents = Array.from({ length: 8 }, (_, each) => `agent-${each}`);
  const plain = Array.from({ length: 8 }, (_, each) => `shop-${each}`);
  const everybody = [...agents, ...plain, 'new-agent', 'new-shop'];
  const calls = [
    ...everybody.map((name) => [name, 'api'] as const),
    ...agents.map((name) => [name, 'node'] as const),
    ...more,
  ];
  for (const [order, [client, server]] of calls.entries()) {
    const flow = {
      ...plainFlow,
      atMs: at * 60_000,
      source: pod(client),
      destination: pod(server),
      destinationPort: 443,
    };
    intake.push({ kind: 'flow', flow }, order, 0);
  }
  const [window] = intake.flush();
  if (window === undefined) throw new Error('a minute of flows is a window');
  return window;
}

function edgeOf({ slice, names }: NamedSlice, client: string, server: string): number {
  const named = (row: number | undefined) => names.nodes[row as number]?.workload;
  return names.edges.findIndex(
    (_, edge) => named(slice.clients[edge]) === client && named(slice.servers[edge]) === server,
  );
}

const usual = Array.from({ length: 6 }, (_, at) => minute(at));
/** Two workloads that were alike in all they did ask the node for the first time. */
const judged = minute(9, [
  ['new-agent', 'node'],
  ['new-shop', 'node'],
]);

async function trained(name: 'gcn-posture' | 'gat-posture') {
  const { spec, init } = flowDetectorStart(name);
  const learner = unwrap(await trackKind.openLearner(spec, init(1), { seed: 1, stepsMax: 80 }));
  for (let epoch = 0; epoch < 2; epoch++) {
    for (const batch of learner.batches(usual, 8, epoch)) learner.step(batch, { learningRate: 0.03 });
  }
  const weights = learner.weights();
  learner.close();
  return { spec, weights };
}

/** Log-odds of the shared model for the first call of each to the node. */
function firstCalls({ spec, weights }: Awaited<ReturnType<typeof trained>>) {
  const scorer = new FlowScorer(spec, weights, (reader) => learnFlowCluster(reader, usual));
  const scores = scorer.score(judged);
  scorer.close();
  const of = (client: string) => scores[edgeOf(judged, client, 'node')]?.logit as number;
  return { agent: of('new-agent'), shop: of('new-shop') };
}

describe.each(['gcn', 'gat'] as const)('the flow detector %s', (encoder) => {
  it('knows a privileged workload’s first call to the node from another’s where it reads posture, and else does not', async () => {
    const reading = firstCalls(await trained(`${encoder}-posture`));
    expect(reading.agent - reading.shop).toBeGreaterThan(3);
    // Nothing else tells them apart, whatever the weights.
    const { spec, init } = flowDetectorStart(encoder);
    const blind = firstCalls({ spec, weights: init(1) });
    expect(Math.abs(blind.agent - blind.shop)).toBeLessThan(1e-3);
  });

  it('scores by its older version, to the bit, whatever is known of posture', async () => {
    const { spec, init } = flowDetectorStart(encoder);
    const scoresOf = (isKnown: boolean) => {
      const past = Array.from({ length: 6 }, (_, at) => minute(at, [], isKnown));
      const scorer = new FlowScorer(spec, init(1), (reader) => learnFlowCluster(reader, past));
      const scores = scorer.score(minute(9, [], isKnown));
      scorer.close();
      return scores;
    };
    expect(scoresOf(true)).toEqual(scoresOf(false));
  });

  it('remembers posture in a record of the cluster', () => {
    const { spec, init } = flowDetectorStart(`${encoder}-posture`);
    const scorer = new FlowScorer(spec, init(1), (reader) => learnFlowCluster(reader, usual));
    const record = JSON.parse(JSON.stringify(recordOf(scorer.state)));
    const again = new FlowScorer(spec, init(1), ({ columns }) => stateOf(record, columns));
    const scores = again.score(judged);
    for (const [edge, { total }] of scorer.score(judged).entries()) expect(scores[edge]?.total).toBeCloseTo(total, 6);
    again.close();
    scorer.close();
  });
});

describe('a window with posture', () => {
  it('says of each node what is known of its pods, and nothing where nobody watches pods', () => {
    const { slice, names } = judged;
    const of = (workload: string) => {
      const row = names.nodes.findIndex((node) => node.workload === workload);
      const own = slice.posture?.subarray(row * postureNames.length, (row + 1) * postureNames.length) ?? [];
      return postureNames.filter((_, column) => own[column] === 1);
    };
    expect(of('new-agent')).toEqual([
      'posture:given',
      'posture:PRIVILEGED',
      'posture:HOST_PID',
      'posture:RUNS_AS_ROOT',
    ]);
    expect(of('new-shop')).toEqual(['posture:given']);
    expect(minute(9, [], false).slice).not.toHaveProperty('posture');
  });

  it('is stored with it, in bytes that are those of before where nothing is known', () => {
    const decoded = unwrap(windowCodec.decode(windowCodec.encode(judged)));
    expect(decoded.slice).toEqual(judged.slice);
    // What a build that knew of no posture wrote, and reads: the slice's own bytes are the same.
    const blind = minute(9, [], false);
    const bytes = windowCodec.encode(blind);
    expect(Buffer.from(bytes).includes('posture')).toBe(false);
    expect(unwrap(windowCodec.decode(bytes)).slice).toEqual(blind.slice);
    expect(encodeSlice(judged.slice)).toEqual(encodeSlice({ ...judged.slice, posture: new Float32Array(0) }));
    expect(trackKind.withoutPlaces?.(judged, [0])?.slice.posture).toEqual(judged.slice.posture);
  });

  it.each(['[]', '[[99]]', '"x"', '[7]'])('is refused where its posture is %s', (posture) => {
    const bytes = Buffer.from(windowCodec.encode(minute(9)));
    const length = bytes.readUInt32LE(0);
    const names = JSON.parse(bytes.subarray(4, 4 + length).toString('utf8'));
    const text = Buffer.from(JSON.stringify({ ...names, posture: JSON.parse(posture) }));
    const head = Buffer.alloc(4);
    head.writeUInt32LE(text.length);
    const spoilt = Buffer.concat([head, text, bytes.subarray(4 + length)]);
    expect(windowCodec.decode(spoilt)).toMatchObject({ ok: false, fault: { code: 'EXAMPLE_MALFORMED' } });
  });
});
