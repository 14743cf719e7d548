import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import { systemTimers } from '../../../base/system-timers.ts';
import { masterKey, sealRound } from '../../../bench/tiles/sealed-round.ts';
import type { ClusterId, Digest } from '../../../proto/ids.ts';
import { MemoryKeyStore } from '../../keys/memory-key-store.ts';
import { Vault } from '../../keys/vault.ts';
import { type Invitation, sealDelta } from '../../testing/sealed-delta.ts';
import { deltaOf, submit } from '../../testing/small-client.ts';
import { clusters, openSmallFederation, operator, track } from '../../testing/small-federation.ts';
import { tempDir } from '../../testing/temp-dir.ts';
import { roundEnd } from '../../testing/wait.ts';
import type { AggregationJob, AggregationRunner, ArrivedUpdate } from '../job.ts';
import { placesIn } from '../places.ts';
import { ThreadRunner } from '../thread-runner.ts';

const d = 300;
const unreadable = { ok: false, fault: { code: 'BLOB_UNREADABLE' } };

/** A round of five updates whose sealed bytes can be taken away, and a runner that may open them before. */
async function collecting(memoryBytesMax = 1e6) {
  const dataDir = tempDir();
  const { job } = await sealRound(dataDir, { n: 5, f: 1, d });
  const secretKey = (await unwrap(await Vault.open(join(dataDir, 'keys'), masterKey)).get(job.keyName)) as Uint8Array;
  const keyStore = new MemoryKeyStore(); // Answers in the order in which it is asked.
  await keyStore.put(job.keyName, secretKey);
  const runnerFor = () => {
    const places = { ...placesIn(dataDir), memoryBytesMax };
    const runner = new ThreadRunner({ places, keyStore, timers: systemTimers });
    onTestFinished(() => runner.close());
    return runner;
  };
  const runner = runnerFor();
  const pathOf = (digest: Digest) => join(dataDir, 'blobs', digest.slice('sha256:'.length));
  const arrive = (updates = job.updates, of = job) => {
    for (const update of updates) runner.arrived({ ...of, update, updatesMax: 5 });
  };
  /** The thread does one thing after another. */
  const opened = async () => {
    unwrap(await runner.runTile({ job, rows: 5 }));
  };
  const takeAway = () => {
    for (const { payloadDigest } of job.updates) rmSync(pathOf(payloadDigest), { force: true });
  };
  return { dataDir, keyStore, job, runner, pathOf, arrive, opened, takeAway, undisturbed: () => runnerFor().run(job) };
}

it('what was opened when it arrived gives the candidate that opening it at the end gives, whatever the order', async () => {
  const { job, runner, arrive, opened, takeAway, undisturbed } = await collecting();
  const plain = await undisturbed();
  expect(plain).toMatchObject({ ok: true });
  arrive(job.updates.toReversed());
  arrive(job.updates.slice(1)); // Told twice is opened once.
  await opened();
  takeAway();
  expect(await runner.run(job)).toEqual(plain);
  // It was the job's: nothing is left for another.
  expect(await runner.run(job)).toMatchObject(unreadable);
});

it('what did not arrive, or counts otherwise in the end, is opened at the end', async () => {
  const { job, runner, arrive, opened, takeAway, undisturbed } = await collecting();
  const plain = await undisturbed();
  arrive(job.updates.slice(0, 2));
  await opened();
  expect(await runner.run(job)).toEqual(plain);
  const [first, ...others] = job.updates as [AggregationJob['updates'][number], ...AggregationJob['updates']];
  arrive();
  await opened();
  takeAway();
  expect(await runner.run({ ...job, updates: [{ ...first, scale: 0.5 }, ...others] })).toMatchObject(unreadable);
});

it('an update that does not open is left for the job, which says so as ever', async () => {
  const { job, runner, pathOf, arrive, opened, undisturbed } = await collecting();
  const bad = pathOf((job.updates[3] as AggregationJob['updates'][number]).payloadDigest);
  arrive(job.updates.slice(0, 3));
  await opened();
  writeFileSync(bad, 'too short');
  arrive(job.updates.slice(3));
  const ran = await runner.run(job);
  expect(ran).toMatchObject(unreadable); // The stored bytes are not those that were signed: ours to mend.
  expect(ran).toEqual(await undisturbed());
});

it.each([
  ['a round that is over', (round: Awaited<ReturnType<typeof collecting>>) => round.runner.over(round.job.keyName)],
  ['a round whose key is gone', () => {}],
])('nothing is kept of %s', async (name, end) => {
  const round = await collecting();
  const { job, runner, arrive, opened, takeAway } = round;
  const another = { ...job, keyName: 'round.syscall.r-2' };
  if (name === 'a round whose key is gone') arrive(job.updates, another);
  else arrive();
  await opened();
  end(round);
  takeAway();
  expect(await runner.run(job)).toMatchObject(unreadable);
});

it('updates that do not fit in memory together wait sealed, and so do those of a second round at once', async () => {
  const large = await collecting(4 * d * 5 - 1);
  large.arrive();
  await large.opened();
  large.takeAway();
  expect(await large.runner.run(large.job)).toMatchObject(unreadable);
  const { job, runner, arrive, opened, takeAway } = await collecting();
  arrive(job.updates.slice(0, 1), { ...job, keyName: 'round.flow.r-1' });
  arrive();
  await opened();
  takeAway();
  expect(await runner.run(job)).toMatchObject(unreadable);
});

it.each([20, 3_000])(
  'nothing of a round of models of %i values that is over is in the way of another track',
  async (size) => {
    const { dataDir, keyStore, job, runner, arrive, opened } = await collecting();
    const sealed = await sealRound(dataDir, { n: 5, f: 1, d: size });
    const other = { ...sealed.job, keyName: 'round.flow.r-1' };
    const secretKey = await unwrap(await Vault.open(join(dataDir, 'keys'), masterKey)).get(sealed.job.keyName);
    await keyStore.put(other.keyName, secretKey as Uint8Array);
    arrive(other.updates, other);
    await opened();
    const plain = await runner.run(job);
    expect(plain).toMatchObject({ ok: true });
    runner.over(other.keyName);
    expect(await runner.run(job)).toEqual(plain);
  },
);

it('where no thread can be started the job is refused for now, each time, and what arrived is left to it', async () => {
  const { dataDir, keyStore, job } = await collecting();
  // No thread is started with what cannot be copied into it, as with none where the kernel grants no more of them.
  const places = { ...placesIn(dataDir), sampleReader: (() => '') as never };
  const runner = new ThreadRunner({ places, keyStore, timers: systemTimers });
  onTestFinished(() => runner.close());
  for (const update of job.updates) runner.arrived({ ...job, update, updatesMax: 5 });
  for (let times = 0; times < 2; times++) {
    expect(await runner.run(job)).toMatchObject({ ok: false, fault: { code: 'WORKER_LOST' } });
  }
});

it('whoever runs jobs is told of each update once it is accepted, as the job then names it, and of the end', async () => {
  const dataDir = tempDir();
  const keyStore = unwrap(await Vault.open(join(dataDir, 'keys'), 'a master key for tests alone'));
  const thread = new ThreadRunner({ places: placesIn(dataDir), keyStore, timers: systemTimers });
  const arrived: ArrivedUpdate[] = [];
  const jobs: AggregationJob[] = [];
  const over = Promise.withResolvers<string>();
  const runner: AggregationRunner = {
    arrived(each) {
      arrived.push(each);
      thread.arrived(each);
    },
    run(job) {
      jobs.push(job);
      return thread.run(job);
    },
    over: over.resolve,
    close: (force) => thread.close(force),
  };
  const engine = await openSmallFederation(dataDir, { keyStore, runner });
  onTestFinished(() => engine.close());
  const invitations = Promise.all(
    clusters.map((cluster) => {
      return new Promise<Invitation>((resolve) => {
        engine.join(cluster, [track], (told) => told.kind === 'invitation' && resolve(told));
      });
    }),
  );
  unwrap(await engine.openRound(operator, { track, reason: 'test' }));
  for (const [at, invitation] of (await invitations).entries()) {
    const cluster = clusters[at] as ClusterId;
    unwrap(await submit(engine, await sealDelta(invitation, cluster, deltaOf(cluster, invitation.round))));
    if (at === 0) expect(arrived).toHaveLength(1);
  }
  expect((await roundEnd(engine, 'r-1')).phase.kind).toBe('candidate');
  const [{ updates, federation, round, spec, schemaDigest, keyName }] = jobs as [AggregationJob];
  expect(await over.promise).toBe(keyName);
  const expected = updates.map((update) => {
    return { ...{ federation, track, round, spec, schemaDigest, keyName, update }, updatesMax: clusters.length };
  });
  // The last one closes the round: nobody waits for another while it is opened.
  expect(arrived).toHaveLength(clusters.length - 1);
  for (const each of arrived) expect(expected).toContainEqual(each);
});
