import { expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import type { Digest } from '../../proto/ids.ts';
import type { Provenance } from '../candidate/provenance.ts';
import { takePart } from '../testing/small-client.ts';
import { clusters, openSmallFederation, operator, policy, track } from '../testing/small-federation.ts';
import { tempDir } from '../testing/temp-dir.ts';
import { roundEnd } from '../testing/wait.ts';
import { progressView } from '../views/records/progress.ts';
import { reputationsView } from '../views/records/reputation.ts';
import { standingsView } from '../views/records/standings.ts';

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
  const known = engine.state().tracks.get(track) as NonNullable<
    ReturnType<ReturnType<typeof engine.state>['tracks']['get']>
  >;
  const reputations = await reputationsView(engine.state(), known, engine.blobs);
  const ofOutlier = reputations.find(({ cluster }) => cluster === outlier);
  expect(ofOutlier).toMatchObject({ rounds: 2, leftOut: 2, refused: 0, streak: 2, suggestion: 'none' });
  expect(ofOutlier?.reasons).toEqual([{ code: 'SCORE_TOO_HIGH', count: 2 }]);
  expect(ofOutlier?.margin).toBeGreaterThan(1);
  const ofOthers = reputations.filter(({ cluster }) => cluster !== outlier);
  expect(ofOthers.map(({ rounds, leftOut, streak }) => [rounds, leftOut, streak])).toEqual(Array(4).fill([2, 0, 0]));
  for (const { margin } of ofOthers) expect(margin).toBeLessThanOrEqual(1);

  const read: string[] = [];
  const blobs = {
    get(digest: Digest) {
      read.push(digest);
      return engine.blobs.get(digest);
    },
  };
  const { steps } = await progressView(known, blobs);
  expect((await progressView(known, blobs)).steps).toEqual(steps);
  // Pages ask with every entry: each model is read once, however often it is looked at.
  const digests: readonly string[] = known.models.map(({ digest }) => digest);
  expect(read.filter((digest) => digests.includes(digest))).toEqual(digests);
  expect(steps.map(({ version, round, keptShare }) => [version, round, keptShare])).toEqual([
    [1, 'r-1', 0.8],
    [2, 'r-2', 0.8],
  ]);
  const valuesOf = async (version: number) =>
    new Float32Array(unwrap(await engine.blobs.get(known.models[version]?.digest as never)).slice().buffer);
  const [base, candidate] = [await valuesOf(1), await valuesOf(2)];
  const length = Math.hypot(...candidate.map((value, at) => value - (base[at] as number)));
  expect(steps[1]?.norm).toBeCloseTo(length, 6);
  expect(length).toBeGreaterThan(0);

  const before = engine.state().tracks.get(track)?.standings;
  await engine.close();
  const again = await openSmallFederation(dataDir, { policy: wanted });
  onTestFinished(() => again.close());
  expect(again.state().tracks.get(track)?.standings).toEqual(before);
});
