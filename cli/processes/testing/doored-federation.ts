import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { ObjectStore, rclone } from '../../../coordinator/testing/object-store.ts';
import { PostgresServer } from '../../../coordinator/testing/postgres-server.ts';
import { tempDir } from '../../../coordinator/testing/temp-dir.ts';
import type { Operator } from '../../../lab/rig/operator.ts';
import { DooredFederation, type Stores } from '../../../lab/testing/doored-federation.ts';
import { smallTrack } from '../../../lab/testing/small-client.ts';
import { RoundPhase } from '../../../proto/generated/testudo/v1/operator.ts';
import { rclonePath } from '../../../tools/testing/stores/rclone.mjs';
import { runTestudo } from '../../testing/command-line.ts';
import { until } from './small-node.ts';

const testudo = fileURLToPath(new URL('../../testudo.ts', import.meta.url));

/** A database and a bucket for the tests of a file; given once they have begun. */
export function useStores(): () => Stores {
  let stores: Stores;
  beforeAll(async () => {
    const [database, store] = await Promise.all([PostgresServer.start(), ObjectStore.start(rclone(rclonePath()))]);
    stores = { database, store };
  }, 600_000);
  afterAll(() => Promise.all([stores.database.remove(), stores.store.remove()]));
  return () => stores;
}

/** A federation of so many clusters that ends with its test. */
export function foundDoored(
  stores: Stores,
  name: string,
  updates: number,
  more: object = {},
): Promise<DooredFederation> {
  const parts = { stores, name, root: tempDir(), testudo, run: runTestudo, later: onTestFinished };
  return DooredFederation.found(parts, smallTrack(updates), more);
}

/** Resolves when so many clusters are connected. */
export async function connected(operator: Operator, count: number): Promise<void> {
  await until(async () => {
    const { clusters } = await operator.call(operator.client.listClusters, { page: { size: 10, token: '' } });
    return clusters.filter((one) => one.connected).length === count || undefined;
  });
}

/** What became of each update of a round, once it has a candidate. */
export async function fatesOf(operator: Operator, round: string) {
  const { participations } = await until(async () => {
    const answer = await operator.call(operator.client.getRound, { track: 'syscall', round });
    return answer.summary?.phase === RoundPhase.ROUND_PHASE_CANDIDATE ? answer : undefined;
  });
  return participations.map(({ cluster, fate }) => [cluster, fate]).sort();
}
