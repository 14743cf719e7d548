import { expect, it, onTestFinished } from 'vitest';
import { aggregate } from '../../aggregation/aggregate.ts';
import { twinAlgebra } from '../../aggregation/algebra/twin-algebra.ts';
import { memoryBlocks, memorySink } from '../../aggregation/blocks/blocks.ts';
import { unwrap } from '../../base/fault.ts';
import type { ServerOptimiser, TrackPolicy } from '../round/policy.ts';
import type { Engine } from '../rounds/engine.ts';
import { deltaOf, takePart } from '../testing/small-client.ts';
import { clusters, openSmallFederation, operator, policy, track, valueCount } from '../testing/small-federation.ts';
import { tempDir } from '../testing/temp-dir.ts';
import { roundEnd } from '../testing/wait.ts';

const clipping: TrackPolicy['aggregation'] = {
  ...policy.aggregation,
  rule: { kind: 'centredClipping', radius: 2, steps: 2 },
};

async function federationWith(optimiser: ServerOptimiser, dataDir = tempDir()): Promise<Engine> {
  const engine = await openSmallFederation(dataDir, { policy: { ...policy, aggregation: clipping, optimiser } });
  onTestFinished(() => engine.close());
  for (const cluster of clusters) takePart(engine, cluster, () => {});
  return engine;
}

async function round(engine: Engine, id: string): Promise<void> {
  unwrap(await engine.openRound(operator, { track, reason: 'test' }));
  expect((await roundEnd(engine, id)).phase.kind).toBe('candidate');
}

async function modelOf(engine: Engine, version: number): Promise<Float32Array> {
  const digest = engine.state().tracks.get(track)?.models[version]?.digest;
  return new Float32Array(unwrap(await engine.blobs.get(digest as never)).buffer);
}

/** What the rule makes of a round's deltas from a start; the rows' order moves only the last bits. */
async function expectedStep(id: string, start?: Float64Array): Promise<Float64Array> {
  const sink = memorySink(valueCount);
  const rows = unwrap(memoryBlocks(clusters.map((cluster) => deltaOf(cluster, id))));
  unwrap(await aggregate(clipping, rows, twinAlgebra(), sink, { measure: false, ...(start && { start }) }));
  return sink.values;
}

const farthest = (actual: Float32Array, base: Float32Array, step: Float64Array) =>
  Math.max(...actual.map((value, at) => Math.abs(value - (base[at] as number) - (step[at] as number))));

it('centred clipping starts from the last aggregate, also after a restart', async () => {
  const dataDir = tempDir();
  const first = await federationWith({ kind: 'plain', learningRate: 1 }, dataDir);
  await round(first, 'r-1');
  await first.close();
  const engine = await federationWith({ kind: 'plain', learningRate: 1 }, dataDir);
  await round(engine, 'r-2');
  const [v0, v1, v2] = [await modelOf(engine, 0), await modelOf(engine, 1), await modelOf(engine, 2)];
  const last = await expectedStep('r-1');
  expect(farthest(v1, v0, last)).toBeLessThan(1e-5);
  expect(farthest(v2, v1, await expectedStep('r-2', last))).toBeLessThan(1e-5);
  expect(farthest(v2, v1, await expectedStep('r-2'))).toBeGreaterThan(1e-2); // Not from zero.
});

it('keeps the moments of the optimiser beside it', async () => {
  const engine = await federationWith({ kind: 'momentum', learningRate: 1, momentum: 0.5 });
  await round(engine, 'r-1');
  await round(engine, 'r-2');
  const last = await expectedStep('r-1');
  const moved = (await expectedStep('r-2', last)).map((value, at) => value + 0.5 * (last[at] as number));
  expect(farthest(await modelOf(engine, 2), await modelOf(engine, 1), moved)).toBeLessThan(1e-5);
});
