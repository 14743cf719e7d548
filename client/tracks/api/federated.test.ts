import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import { apiCodec } from './example.ts';
import { viewIds } from './facts/views.ts';
import { ApiJudge } from './judge/api-judge.ts';
import { Surprises } from './judge/surprise.ts';
import { ApiMemory } from './memory/api-memory.ts';
import { evidenceSpec, FederatedEvidence, trainEvidence } from './memory/evidence-table.ts';
import { readApiChains } from './offline/api-files.ts';
import { csvOf, normalTraffic, request, userOf } from './testing/small-shop.ts';
import { trackKind } from './track.ts';

const spec = evidenceSpec(2 ** 14);

async function examplesOf(text: string) {
  const folder = await mkdtemp(join(tmpdir(), 'testudo-api-'));
  try {
    await writeFile(join(folder, 'requests.csv'), text);
    return unwrap(await readApiChains(join(folder, 'requests.csv'), undefined)).chains.map(({ example }) => example);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

it('teaches a cluster that has seen nothing what is usual elsewhere, by weights of a common length', async () => {
  const learnt = (await examplesOf(csvOf(normalTraffic()))).slice(0, 400);
  const learner = unwrap(await trackKind.openLearner(spec, new Float32Array(2 ** 14), { seed: 1, stepsMax: 1 }));
  for (const batch of learner.batches(learnt, 32, 1)) learner.step(batch, { learningRate: 1 });
  expect(learner.counts).toBe(true);
  const weights = learner.weights();
  expect(Math.hypot(...weights)).toBeCloseTo(4, 4);
  expect(weights).toEqual(trainEvidence(spec, learnt.toReversed()));
  const lines = [
    request(1, 'x1', userOf(1), { method: 'GET', path: '/orders/1012', sent: 700 }),
    request(2, 'x2', userOf(1), { method: 'GET', path: '/debug/vars', to: 'orders', sent: 700 }),
  ];
  const [usual, odd] = await examplesOf(csvOf(lines.flat()));
  const others = new FederatedEvidence(spec, weights);
  const nats = [usual, odd].map((example) => {
    if (example === undefined) throw new Error('two chains were written');
    const templates = example.calls.map(({ route }) => route);
    return new Surprises(new ApiMemory(), others).of(example, templates).nats[viewIds.route] as number;
  });
  expect(nats[1]).toBeGreaterThan((nats[0] as number) + 2);
});

it('keeps nothing of an aggregate that is no evidence', () => {
  const broken = new Float32Array(2 ** 14).fill(Number.NaN);
  broken[3] = -1;
  broken[4] = Number.POSITIVE_INFINITY;
  const evidence = new FederatedEvidence(spec, broken);
  expect([3, 4, 5].map((slot) => evidence.of(slot))).toEqual([0, 0, 0]);
  expect(() => new FederatedEvidence(spec, new Float32Array(3))).toThrow('expected 16384 values, got 3');
});

it('stores examples without a value, an address or a subject, and reads them back', async () => {
  const secret = { subject: 'alice', source: '203.0.113.9', network: '203.0.113' };
  const path = '/catalogue/search?q=my%20secret%20wish';
  const [example] = await examplesOf(csvOf(request(1, 'id-of-request', secret, { method: 'GET', path })));
  if (example === undefined) throw new Error('a chain was written');
  const bytes = apiCodec.encode(example);
  expect(unwrap(apiCodec.decode(bytes))).toEqual(example);
  for (const raw of ['alice', '203.0.113', 'secret', 'wish', 'id-of-request'])
    expect(bytes.toString()).not.toContain(raw);
  expect(apiCodec.decode(bytes.subarray(1)).ok).toBe(false);
  // What JSON can say and is never written with: an example is one chain, whichever bytes it came in.
  const signed = bytes.toString().replaceAll(/:(0[,}])/g, ':-$1');
  expect(signed).not.toBe(bytes.toString());
  expect(unwrap(apiCodec.decode(Buffer.from(signed)))).toEqual(example);
});

it('knows no example that it learnt by heart, and gives a known one the score that it had', async () => {
  const learnt = await examplesOf(csvOf(normalTraffic()));
  const judge = new ApiJudge(undefined, new Float32Array(0), learnt);
  const scores = judge.score(learnt).map(({ scores: [score] }) => score as number);
  const mean = (some: readonly number[]) => some.reduce((sum, one) => sum + one, 0) / some.length;
  const half = learnt.length / 2;
  // Each half is judged by the other: neither looks more usual than it is.
  const ratio = mean(scores.slice(0, half)) / mean(scores.slice(half));
  expect(ratio).toBeGreaterThan(0.6);
  expect(ratio).toBeLessThan(1.7);
  expect(judge.score(learnt.slice(0, 50)).map(({ scores: [score] }) => score)).toEqual(scores.slice(0, 50));
});
