import { ObjectStore, rclone } from '../../coordinator/testing/object-store.ts';
import { PostgresServer } from '../../coordinator/testing/postgres-server.ts';
import type { Addresses } from '../../lab/rig/coordinator-process.ts';
import { type Member, pauseWhileRunning } from '../../lab/rig/member.ts';
import type { Operator } from '../../lab/rig/operator.ts';
import { DooredFederation, type SmallTrack } from '../../lab/testing/doored-federation.ts';
import { rclonePath } from '../../tools/testing/stores/rclone.mjs';
import { commandIn, testudo } from '../harness/commands.ts';

/** Its one track. */
export const track = 'syscall';

/** Longer than the 4 s that nobody sets: ten thousand clients on the machine of their coordinator leave it no second of its own. */
export const leaseSeconds = 10;

/** Settings of coordinators and doors: everyone in the crowd comes from one address here. */
export const capsFor = (clients: number) => ({
  connections: {
    enrolment: { atOnceMax: 1_024, perAddressMax: 1_024 },
    federation: { perAddressMax: Math.max(4_096, 2 * clients) },
  },
});

/** A federation on a PostgreSQL and a bucket of its own, which lets so many clients in from one address; ended by what `later` is given, newest first. */
export async function foundForCrowd(
  folder: string,
  clients: number,
  trackOf: SmallTrack,
  later: (close: () => Promise<void>) => void,
): Promise<DooredFederation> {
  const [database, store] = await Promise.all([PostgresServer.start(), ObjectStore.start(rclone(rclonePath()))]);
  later(async () => {
    await Promise.all([database.remove(), store.remove()]);
  });
  const stores = { database, store };
  const parts = { stores, name: 'crowd', root: folder, testudo, run: commandIn(folder), leaseSeconds, later };
  const settings = { ...capsFor(clients), enrolments: { burst: 100_000, perMinute: 100_000 } };
  return DooredFederation.found(parts, trackOf, settings);
}

const tokensAtOnce = 64;
const tokenSeconds = 3_600;

/** A join token for each of these clusters, in their order. */
export async function tokensFor({ call, client }: Operator, clusters: readonly string[]): Promise<string[]> {
  const tokens: string[] = [];
  for (let from = 0; from < clusters.length; from += tokensAtOnce) {
    const some = clusters.slice(from, from + tokensAtOnce).map(async (cluster) => {
      const wanted = { cluster, lifetimeSeconds: tokenSeconds, labels: [] };
      return (await call(client.createToken, wanted)).token;
    });
    tokens.push(...(await Promise.all(some)));
  }
  return tokens;
}

/** Resolves when a door reaches who leads. */
export async function doorReady({ health }: Addresses, door: Member): Promise<void> {
  while (!(await fetch(`http://${health}/readyz`)).ok) await pauseWhileRunning([door]);
}
