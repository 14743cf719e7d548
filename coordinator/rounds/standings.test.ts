import { expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import type { Provenance } from '../candidate/provenance.ts';
import { takePart } from '../testing/small-client.ts';
import { clusters, openSmallFederation, operator, policy, track } from '../testing/small-federation.ts';
import { tempDir } from '../testing/temp-dir.ts';
import { roundEnd } from '../testing/wait.ts';
import { standingsView } from '../views/standings.ts';

/** Four clusters agree, cluster-e is far off; the mean of all but one keeps four. */
const keepsFour = { ...policy.aggregation, rule: { kind: 'multiKrum', keep: { kind: 'allButF' } } } as const;

it('records what rounds made of a cluster, over a start too, and lowers what it weighs as far as the policy says', async () => {
  const dataDir = tempDir();
  const wanted = { ...policy, aggregation: keepsFour, history: { floor: 0.5 }, keepInputs: { rounds: 2, hours: 1 } };
  const engine = await openSmallFederation(dataDir, { policy: wanted });
  for (const cluster of clusters) takePart(engine, cluster, () => {});
  const outlier = clusters[4] as (typeof clusters)[number];
  const round = async (id: string) => {
    unwrap(await engine.openRound(operator, { track, reason: 'test' }));
    const ended = await roundEnd(engine, id);
    if (ended.phase.kind !== 'candidate') throw new Error(`${id} is ${ended.phase.kind}`);
    const text = Buffer.from(unwrap(await engine.blobs.get(ended.phase.provenance))).toString();
    return { ended, provenance: JSON.parse(text) as Provenance };
  };
  const first = await round('r-1');
  expect(first.ended.priors).toEqual({});
  expect(first.provenance.updates.every(({ scale }) => scale === 1)).toBe(true);
  const standings = engine.state().tracks.get(track)?.standings ?? {};
  expect(standings[outlier]).toMatchObject({ rounds: 1, leftOut: 1, refused: 0, lastRound: 'r-1' });
  expect(standings[outlier]?.score).toBeCloseTo(0.85, 10); // Left out is worth half, and trust falls by 0.3 of that.
  expect(standings[clusters[0] as string]).toMatchObject({ score: 1, leftOut: 0, weight: 1.25 });

  const second = await round('r-2');
  expect(second.ended.priors?.[outlier]).toBeCloseTo(0.925, 10);
  const scaleOf = (cluster: string) => second.provenance.updates.find((fate) => fate.cluster === cluster)?.scale;
  expect(scaleOf(outlier)).toBeCloseTo(0.925, 10);
  expect(scaleOf(clusters[0] as string)).toBe(1);
  // What the round was scheduled under is what a replay goes by, whatever records became since.
  const replay = await engine.replayRound(operator, { track, round: second.ended.round, reason: 'test' });
  expect(replay).toMatchObject({ value: { same: true } });
  const shown = await standingsView(engine.state(), engine.blobs, outlier);
  expect(shown[0]).toMatchObject({ track, rounds: 2, leftOut: 2 });
  expect(shown[0]?.recent.map(({ round: id, fate, code }) => [id, fate, code])).toEqual([
    ['r-2', 'leftOut', 'SCORE_TOO_HIGH'],
    ['r-1', 'leftOut', 'SCORE_TOO_HIGH'],
  ]);
  const before = engine.state().tracks.get(track)?.standings;
  await engine.close();
  const again = await openSmallFederation(dataDir, { policy: wanted });
  onTestFinished(() => again.close());
  expect(again.state().tracks.get(track)?.standings).toEqual(before);
});
