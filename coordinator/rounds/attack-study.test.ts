import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { attacks } from '../../aggregation/attacks/attacks.ts';
import { unwrap } from '../../base/fault.ts';
import type { RoundId } from '../../proto/ids.ts';
import { sealDelta } from '../testing/sealed-delta.ts';
import { deltaOf, takePart } from '../testing/small-client.ts';
import { clusters, openSmallFederation, operator, policy, track } from '../testing/small-federation.ts';
import { tempDir } from '../testing/temp-dir.ts';
import { roundEnd } from '../testing/wait.ts';

it('attacks are tried on updates that a round kept, journalled before, and nothing but numbers comes of it', async () => {
  const dataDir = tempDir();
  const engine = await openSmallFederation(dataDir, { policy: { ...policy, keepInputs: { rounds: 2, hours: 1 } } });
  onTestFinished(() => engine.close());
  const request = { track, reason: 'is f enough?', seed: 'a', secondsMax: 600 };
  expect(await engine.studyRound(operator, request)).toMatchObject({ fault: { code: 'INPUTS_NOT_KEPT' } });
  for (const cluster of clusters) {
    const seal = (invitation: Parameters<typeof sealDelta>[0]) =>
      sealDelta(invitation, cluster, deltaOf(cluster, invitation.round));
    onTestFinished(takePart(engine, cluster, () => {}, seal));
  }
  const { value: round } = unwrap(await engine.openRound(operator, { track, reason: 'test' }));
  await roundEnd(engine, round);
  const before = readdirSync(join(dataDir, 'blobs')).sort();

  const studying = engine.studyRound(operator, request);
  expect(await engine.studyRound(operator, request)).toMatchObject({ fault: { code: 'REPLAY_BUSY' } });
  const study = unwrap(await studying);
  expect(study).toMatchObject({ round, updateCount: 5, dimension: 300, f: 1, inForce: 'krum', complete: true });
  const inForce = study.cells.filter(({ rule, liars }) => rule === 'krum' && liars === 1);
  expect(inForce.map(({ attack }) => attack)).toEqual(Object.keys(attacks));
  expect(inForce.every(({ refused }) => refused === null)).toBe(true);
  expect(study.undisturbed.get('mean')).toBeCloseTo(0, 5);
  // Krum's aggregate is an update as it came.
  expect(study.undisturbed.get('krum')).toBeGreaterThan(0.1);
  expect(study.undisturbed.get('krum')).toBeLessThanOrEqual(1);
  const constant = study.cells.find(({ rule, attack }) => rule === 'mean' && attack === 'constant');
  expect(constant?.deviation).toBeGreaterThan(1);

  expect(readdirSync(join(dataDir, 'blobs')).sort()).toEqual(before);
  expect(readdirSync(join(dataDir, 'scratch'))).toEqual([]);
  const entries = unwrap(await engine.audit(1, 10_000)).map(({ event }) => event);
  expect(entries.filter(({ kind }) => kind === 'replayStarted')).toEqual([
    { kind: 'replayStarted', track, round, reason: 'simulated attacks: is f enough?' },
  ]);
  const other = { ...request, round: 'r-9' as RoundId };
  expect(await engine.studyRound(operator, other)).toMatchObject({ fault: { code: 'ROUND_NOT_FOUND' } });
  const cut = unwrap(await engine.studyRound(operator, { ...request, secondsMax: 0 }));
  expect(cut).toMatchObject({ complete: false, cells: [] });
});
