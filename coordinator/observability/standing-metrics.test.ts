import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import type { EpochMs } from '../../base/time.ts';
import type { State } from '../ledger/state/state.ts';
import { type StandingReads, standingMetrics } from './standing-metrics.ts';

/** What a coordinator with one track for each list says at `nowMs`: when each version of the track was made. */
async function gaugesOf(models: readonly (readonly number[])[], more: Partial<StandingReads> = {}, nowMs = 100_000) {
  const tracks = models.map((times, at) => [
    `t${at}`,
    { rounds: new Map(), models: times.map((createdAtMs) => ({ createdAtMs })) },
  ]);
  const state = { clusters: new Map(), tracks: new Map(tracks as never) } as unknown as State;
  const registry = new Registry();
  standingMetrics(registry, {
    state: () => state,
    freeBytes: async () => 5,
    connected: () => 2,
    workers: () => undefined,
    clock: () => nowMs as EpochMs,
    ...more,
  });
  const samples = [...(await registry.metrics()).matchAll(/^(testudo_\w+) (\S+)$/gm)];
  return Object.fromEntries(samples.map(([, name, value]) => [name, Number(value)]));
}

it('the age of a candidate is that of the newest version of the track that has waited longest', async () => {
  const { testudo_candidate_age_seconds: age } = await gaugesOf([[1_000, 90_000], [2_000, 40_000], [99_000]]);
  expect(age).toBe(60);
  expect(await gaugesOf([])).toMatchObject({ testudo_candidate_age_seconds: 0 });
  expect(await gaugesOf([[]])).toMatchObject({ testudo_candidate_age_seconds: 0 });
  // A clock that was set back makes no model younger than new.
  expect(await gaugesOf([[200_000]])).toMatchObject({ testudo_candidate_age_seconds: 0 });
});

it('workers are counted with Redis, none of them included, and absent where nobody can count them', async () => {
  expect(await gaugesOf([], { workers: async () => 3 })).toMatchObject({ testudo_workers: 3 });
  expect(await gaugesOf([], { workers: async () => 0 })).toMatchObject({ testudo_workers: 0 });
  expect(await gaugesOf([], { workers: async () => null })).not.toHaveProperty('testudo_workers');
  expect(await gaugesOf([], { workers: () => undefined })).not.toHaveProperty('testudo_workers');
});
