import path from 'node:path';
import { unwrap } from '../../base/fault.ts';
import { openFileBlobStore } from '../../coordinator/blobs/file-blob-store.ts';
import type { AggregationJob, JobUpdate } from '../../coordinator/candidate/job.ts';
import { contextOf } from '../../coordinator/candidate/opening/open-updates.ts';
import { ensureQueueKey } from '../../coordinator/keys/queue-key.ts';
import { Vault } from '../../coordinator/keys/vault.ts';
import { digestOf } from '../../proto/digest.ts';
import { newRoundKeyPair } from '../../proto/envelope/crypto/keys.ts';
import { sealStream } from '../../proto/envelope/seal.ts';
import type { ClusterId, Digest, FederationId, RoundId, TrackId } from '../../proto/ids.ts';
import { schemaDigest } from '../../proto/model-spec.ts';
import { lcgRows } from '../harness/lcg.ts';

export const masterKey = 'a master key for a benchmark alone';
export const federation = 'bench' as FederationId;

/** A disk is asked to sync several files at a time: one after another, 10,000 of them take a quarter of an hour. */
const storedAtOnce = 16;

/** n updates of d values, of which the first f lie. */
export type Shape = Readonly<{ n: number; f: number; d: number }>;

/** A closed round whose updates lie sealed in a data directory, as a coordinator leaves it to its workers. */
export type SealedRound = Readonly<{
  dataDirectory: string;
  job: AggregationJob;
  queueKey: Uint8Array;
  /** What the candidate is when the rule chooses the update of that row, by the candidate's digest. */
  rowOf: ReadonlyMap<Digest, number>;
}>;

/** Krum over lcg.py's rows, on a first model of zeros: the candidate is the chosen update, to the bit. */
export async function sealRound(dataDirectory: string, { n, f, d }: Shape): Promise<SealedRound> {
  const blobs = await openFileBlobStore(dataDirectory);
  const vault = unwrap(await Vault.open(path.join(dataDirectory, 'keys'), masterKey));
  const spec = { architecture: 'bench/1', hyperparameters: {}, tensors: [{ name: 'weights', shape: [d] }] };
  const base = { version: 0, digest: unwrap(await blobs.put(new Uint8Array(4 * d))) };
  const keyName = 'round.syscall.r-1';
  const job = {
    ...{ id: 'aggregate.syscall.r-1', federation, track: 'syscall' as TrackId, round: 'r-1' as RoundId },
    ...{ spec, schemaDigest: schemaDigest(spec), base, optimiserState: null, candidateVersion: 1, keyName },
    policy: { f, admission: { normMax: 1e6, zeroUpdate: 'refuse' }, before: [], rule: { kind: 'krum' } },
    optimiser: { kind: 'plain', learningRate: 1 },
    ...{ updates: [], expelled: [] },
  } as const satisfies AggregationJob;
  const pair = newRoundKeyPair();
  await vault.put(keyName, pair.secretKey);

  const updates: JobUpdate[] = [];
  const rowOf = new Map<Digest, number>();
  const storing = new Set<Promise<void>>();
  const values = new Float32Array(d);
  const plain = new Uint8Array(values.buffer);
  for (const _ of lcgRows(n, f, d, () => values)) {
    const row = rowOf.size;
    const unsealed = { cluster: `cluster-${row}` as ClusterId, baseDigest: base.digest, staleness: 0, scale: 1 };
    const blank: JobUpdate = { ...unsealed, payloadDigest: base.digest, payloadBytes: 0 };
    const pieces: Buffer[] = [];
    const context = contextOf(job, blank, plain.byteLength);
    for await (const piece of sealStream(onePiece(plain), context, pair.publicKey)) pieces.push(piece);
    const payload = Buffer.concat(pieces);
    rowOf.set(digestOf(plain), row);
    const stored = blobs.put(payload).then((put) => {
      updates.push({ ...unsealed, payloadDigest: unwrap(put), payloadBytes: payload.byteLength });
      storing.delete(stored);
    });
    storing.add(stored);
    while (storing.size >= storedAtOnce) await Promise.race(storing);
  }
  await Promise.all(storing);
  updates.sort((a, b) => (a.payloadDigest < b.payloadDigest ? -1 : 1));
  return { dataDirectory, job: { ...job, updates }, queueKey: await ensureQueueKey(vault), rowOf };
}

async function* onePiece(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
