import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { ok, unwrap } from '../../../base/fault.ts';
import { SimulatedTimers } from '../../../base/simulation/simulated-timers.ts';
import { masterKey, sealRound } from '../../../bench/tiles/sealed-round.ts';
import { roundKeyPairOf } from '../../../proto/envelope/crypto/keys.ts';
import type { Digest, RoundId } from '../../../proto/ids.ts';
import { Vault } from '../../keys/vault.ts';
import { tempDir } from '../../testing/temp-dir.ts';
import type { AggregationJob } from '../job.ts';
import { placesIn } from '../places.ts';
import { ThreadRunner } from '../thread-runner.ts';
import { tilesOfJob } from '../tiles/grid.ts';
import { KeptBlocks } from './kept-blocks.ts';
import { type OpenedUpdates, openUpdates } from './open-updates.ts';

const d = 300;
const plenty = () => 1e9;

/** A round of five updates whose sealed bytes can be taken away, and what opens them. */
async function sealedRound() {
  const dataDir = tempDir();
  const { job } = await sealRound(dataDir, { n: 5, f: 1, d });
  const keyStore = unwrap(await Vault.open(join(dataDir, 'keys'), masterKey));
  const pair = roundKeyPairOf((await keyStore.get(job.keyName)) as Uint8Array);
  const scratchDir = join(dataDir, 'scratch');
  const path = (digest: Digest) => join(dataDir, 'blobs', digest.slice('sha256:'.length));
  const places = { path, verify: async () => ok(undefined), scratchDir };
  return {
    ...{ dataDir, job, keyStore, scratchDir, path },
    openingOf: () => ok({ round: pair }),
    places,
    takeAway: () => {
      for (const { payloadDigest } of job.updates) rmSync(path(payloadDigest));
    },
  };
}

type Round = Awaited<ReturnType<typeof sealedRound>>;

function keptIn({ openingOf, places }: Round, freeBytes = plenty) {
  const kept = new KeptBlocks(freeBytes);
  onTestFinished(() => kept.release());
  return { kept, open: (job: AggregationJob) => kept.open(job, 2, openingOf, places) };
}

/** The second and the third block of the round's three. */
const laterOf = (job: AggregationJob): AggregationJob => ({ ...job, updates: job.updates.slice(2) });

async function valuesOf({ blocks }: OpenedUpdates): Promise<Float32Array> {
  const values = new Float32Array((blocks?.n ?? 0) * d);
  await blocks?.read(0, d, values);
  return values;
}

it('blocks that were opened serve the next tile and the round, as if each had opened them', async () => {
  const round = await sealedRound();
  const { job, openingOf, places, scratchDir, takeAway } = round;
  const plain = unwrap(await openUpdates(job, openingOf, places));
  const { kept, open } = keptIn(round);
  const first = unwrap(await open(laterOf(job)));
  expect(readdirSync(scratchDir)).toEqual([]); // Nothing that anybody could find.
  expect(await valuesOf(first)).toEqual((await valuesOf(plain)).subarray(2 * d));
  first.release();
  const whole = unwrap(await open(job));
  expect(await valuesOf(whole)).toEqual(await valuesOf(plain));
  expect(whole.opened).toEqual(job.updates);
  whole.release();
  takeAway();
  for (const again of [job, laterOf(job)]) expect(unwrap(await open(again)).opened).toEqual(again.updates);
  kept.release();
  expect(await open(job)).toMatchObject({ ok: false, fault: { code: 'BLOB_UNREADABLE' } });
});

it('an update that does not open is left out each time, with the same code', async () => {
  const round = await sealedRound();
  const { job, path } = round;
  const bad = job.updates[3] as AggregationJob['updates'][number];
  writeFileSync(path(bad.payloadDigest), 'too short');
  const { open } = keptIn(round);
  unwrap(await open(laterOf(job))).release();
  for (const { payloadDigest } of job.updates.slice(2)) rmSync(path(payloadDigest));
  const whole = unwrap(await open(job));
  expect(whole.opened).toEqual(job.updates.filter((update) => update !== bad));
  expect(whole.unopened).toMatchObject([{ update: bad, code: 'PAYLOAD_TRUNCATED' }]);
  expect(whole.blocks?.n).toBe(4);
});

it('another round, or another weight of an update, finds nothing of what was kept', async () => {
  const round = await sealedRound();
  const { job, takeAway } = round;
  const { open } = keptIn(round);
  unwrap(await open(job)).release();
  takeAway();
  const [first, ...others] = job.updates as [AggregationJob['updates'][number], ...AggregationJob['updates']];
  const refused = { ok: false, fault: { code: 'BLOB_UNREADABLE' } };
  expect(await open({ ...job, updates: [{ ...first, scale: 0.5 }, ...others] })).toMatchObject(refused);
  expect(await open(job)).toMatchObject({ ok: true });
  expect(await open({ ...job, round: 'r-2' as RoundId })).toMatchObject(refused);
  expect(await open(job)).toMatchObject(refused);
});

it('where the disk is nearly full, what was used first is kept as far as there is room', async () => {
  const round = await sealedRound();
  const { job, takeAway } = round;
  const blockBytes = 2 * 4 * d;
  // Three blocks, the last of one row. Once two of them are given back the first takes half of what is free.
  const { open } = keptIn(round, () => blockBytes / 2);
  unwrap(await open(job)).release();
  takeAway();
  const first = { ...job, updates: job.updates.slice(0, 2) };
  expect(unwrap(await open(first)).blocks?.n).toBe(2);
  expect(await open(laterOf(job))).toMatchObject({ ok: false });
});

it('a thread forgets what a tile opened once no other has come for a minute', async () => {
  const { dataDir, job, keyStore, takeAway } = await sealedRound();
  const timers = new SimulatedTimers(0);
  const runner = new ThreadRunner({ places: placesIn(dataDir), keyStore, timers });
  onTestFinished(() => runner.close());
  const tiles = tilesOfJob(job, { rows: 2, updatesMin: 4 });
  const [tile] = tiles as [(typeof tiles)[number], ...typeof tiles];
  const made = unwrap(await runner.runTile(tile));
  takeAway();
  await timers.advance(59_000);
  expect(unwrap(await runner.runTile(tile))).toEqual(made);
  await timers.advance(60_000);
  expect(await runner.runTile(tile)).toMatchObject({ ok: false, fault: { code: 'BLOB_UNREADABLE' } });
});
