import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import type { AggregationRunner } from '../candidate/job.ts';
import type { KeyStore } from '../keys/key-store.ts';
import { MemoryKeyStore } from '../keys/memory-key-store.ts';
import { readTrack } from '../testing/kill-rounds.ts';
import { takePart } from '../testing/small-client.ts';
import { clusters, openSmallFederation, operator, policy, track } from '../testing/small-federation.ts';
import { tempDir } from '../testing/temp-dir.ts';
import { roundEnd } from '../testing/wait.ts';
import type { Waker } from './waker.ts';

export type Backend = Readonly<{ waker: Waker; runner: AggregationRunner }>;
/** Makes what wakes a coordinator and runs its aggregations. Whatever else it makes, it ends when the test does. */
export type MakeBackend = (dataDir: string, keyStore: KeyStore) => Promise<Backend>;

/** What every backend promises: rounds end the same, whoever wakes the engine and wherever the rule runs. */
export function backendContract(name: string, make: MakeBackend): void {
  describe(`${name} as a backend`, () => {
    it('wakes at a deadline, and again at the next', async () => {
      const { waker } = await backendIn(make);
      const woken: number[] = [];
      const { promise, resolve } = Promise.withResolvers<void>();
      await waker.start(() => {
        woken.push(Date.now());
        if (woken.length === 1) waker.set({ nextMs: Date.now() + 60, schedules: [] });
        else resolve();
      });
      const first = Date.now() + 50;
      waker.set({ nextMs: first, schedules: [] });
      await promise;
      expect(woken[0]).toBeGreaterThanOrEqual(first - 1);
    });

    it('opens rounds by a cron schedule, and closes them by their deadline', async () => {
      const everySecond = { cron: '* * * * * *', timeZone: 'UTC', blackouts: [] };
      const hurried = { ...policy, schedule: everySecond, rounds: { ...policy.rounds, collectForMs: 200 } };
      const { engine } = await engineOn(make, { policy: hurried });
      const present = clusters.map((cluster) => engine.join(cluster, [track], () => {}));
      // Nobody answers: each round is abandoned at its deadline, and the next one opens.
      const first = await roundEnd(engine, 'r-1');
      const second = await roundEnd(engine, 'r-2');
      for (const { phase } of [first, second]) expect(phase).toMatchObject({ reason: 'QUORUM_MISSED' });
      for (const membership of present) membership.leave();
    });

    it('brings a round to the same candidate as every other backend', async () => {
      const { engine, dataDir } = await engineOn(make);
      for (const cluster of clusters) takePart(engine, cluster, () => {});
      unwrap(await engine.openRound(operator, { track, reason: 'test' }));
      expect((await roundEnd(engine, 'r-1')).phase.kind).toBe('candidate');
      const [, candidate] = readTrack(dataDir.slice(0, -'/data'.length)).models;
      // From an undisturbed round of the embedded backend: Krum takes one cluster's delta, whatever the order.
      expect(candidate?.digest).toBe('sha256:1e70e39127ec9cf2222281ce1ac455b895963eb9ef62736835ce9cdde58650d9');
    });

    it('says when the rule refuses, and the round is abandoned by name', async () => {
      const strict = {
        ...policy,
        aggregation: { ...policy.aggregation, admission: { normMax: 1e-6, zeroUpdate: 'refuse' } },
      };
      const { engine } = await engineOn(make, { policy: strict as typeof policy });
      for (const cluster of clusters) takePart(engine, cluster, () => {});
      unwrap(await engine.openRound(operator, { track, reason: 'test' }));
      const { phase } = await roundEnd(engine, 'r-1');
      expect(phase).toMatchObject({ kind: 'abandoned', reason: 'AGGREGATION_REFUSED' });
      expect(phase.kind === 'abandoned' && phase.detail).toContain('NORM_TOO_LARGE');
    });
  });
}

async function backendIn(make: MakeBackend): Promise<Backend> {
  const backend = await make(tempDir(), new MemoryKeyStore());
  onTestFinished(async () => {
    await backend.waker.close();
    await backend.runner.close(true);
  });
  return backend;
}

export async function engineOn(make: MakeBackend, options: { policy?: typeof policy; watchdogMs?: number } = {}) {
  const dataDir = join(tempDir(), 'data');
  const { Vault } = await import('../keys/vault.ts');
  const keyStore = unwrap(await Vault.open(join(dataDir, 'keys'), 'a master key for tests alone'));
  const backend = await make(dataDir, keyStore);
  const engine = await openSmallFederation(dataDir, { ...options, ...backend, keyStore });
  onTestFinished(() => engine.close());
  return { engine, dataDir, keyStore };
}
