import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import { seededRandom } from '../../base/random.ts';
import { ControlPlane } from '../../tools/testing/kube/control-plane.ts';
import { QuarantineKills } from '../../tools/testing/kube/kills/quarantine-kills.ts';
import { RotationKills } from '../../tools/testing/kube/kills/rotation-kills.ts';

/** The long form, at every step and on both sides: `npm run campaign:response`. */
describe('an API server that is killed', { timeout: 600_000 }, () => {
  let plane: ControlPlane;
  beforeAll(async () => {
    plane = await ControlPlane.start({ programs: inject('controlPlane').programs });
  });
  afterAll(() => plane?.stop());

  const ownFolder = async () => {
    const folder = await mkdtemp(join(tmpdir(), 'testudo-killed-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    return folder;
  };

  it('leaves no rotation half done, evicts nobody twice and no service without a pod', async () => {
    const kills = await RotationKills.prepare(plane, 'rotated', await ownFolder());
    onTestFinished(() => kills.close());
    const random = seededRandom(1);
    await kills.kill('API server', 'pod-evicted', random, true);
    await kills.kill('API server', 'pod-patched', random, false);
    await kills.rest();
    const { wrong, gone } = await kills.verdict();
    expect(wrong).toEqual([]);
    expect(gone).toBeGreaterThan(0);
    expect(kills.killing.kills).toEqual({ agent: 1, 'API server': 2 });
  });

  it('leaves no pod in quarantine by half, and none in it twice', async () => {
    const kills = await QuarantineKills.prepare(plane, 'isolated', await ownFolder());
    onTestFinished(() => kills.close());
    for (const step of ['quarantine-begun', 'pod-patched'] as const) await kills.killApiServerAt(step);
    await kills.killApiServerAtTheEnd('pod-eviction-decided');
    await kills.rest();
    expect(await kills.verdict()).toEqual({ wrong: [], quarantined: 2 });
    expect(kills.killing.kills).toEqual({ agent: 0, 'API server': 3 });
  });
});
