import { hash } from 'node:crypto';
import { join } from 'node:path';
import { ok, type Result, refuse, unwrap } from '../../base/fault.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { MemoryBlobStore } from '../../coordinator/blobs/memory-blob-store.ts';
import type { AggregationResult, AggregationRunner, RunFaultCode } from '../../coordinator/candidate/job.ts';
import { placesIn } from '../../coordinator/candidate/places.ts';
import { parseTrackPolicy } from '../../coordinator/config/policy.ts';
import { MemoryKeyStore } from '../../coordinator/keys/memory-key-store.ts';
import { openSqliteJournal } from '../../coordinator/ledger/journal/open-journal.ts';
import { createTrack } from '../../coordinator/ledger/track-changes.ts';
import type { Directive } from '../../coordinator/rounds/directives.ts';
import type { Engine } from '../../coordinator/rounds/engine.ts';
import { startEngine } from '../../coordinator/rounds/start-engine.ts';
import { enrolled } from '../../coordinator/testing/released-state.ts';
import type { UpdateHeader } from '../../proto/envelope/header.ts';
import { type ClusterId, parseFederationId, parseTrackId } from '../../proto/ids.ts';
import { bytesOfValues } from '../../proto/layout.ts';

const federation = parseFederationId('crowd');
export const track = parseTrackId('syscall');
const operator = { kind: 'operator', name: 'ada', role: 'admin' } as const;
const enrolledAtOnce = 1_000;
/** Milliseconds; far more than a benchmark takes: no round may end by its deadline. */
const hour = 3_600_000;

export type Invitation = Extract<Directive, { kind: 'invitation' }>;

/** Mathematics are left out: an aggregation waits until it is not wanted any more. */
class NoMathematics implements AggregationRunner {
  run(_job: unknown, signal?: AbortSignal): Promise<Result<AggregationResult, RunFaultCode>> {
    const { promise, resolve } = Promise.withResolvers<Result<AggregationResult, RunFaultCode>>();
    const end = () => resolve(refuse('WORKER_LOST', 'nobody waits for it'));
    this.#ends.add(end);
    signal?.addEventListener('abort', end);
    return promise;
  }

  async close(): Promise<void> {
    for (const end of this.#ends) end();
  }

  readonly #ends = new Set<() => void>();
}

/** A real engine on a real journal of the disk; bytes lie in memory. */
export async function openCrowd(folder: string, blobs = new MemoryBlobStore()): Promise<Engine> {
  const journal = unwrap(await openSqliteJournal(join(folder, 'journal.sqlite'), systemTimers));
  const keyStore = new MemoryKeyStore();
  return unwrap(
    await startEngine(
      { federation, build: 'bench', keyStore, timers: systemTimers },
      {
        journal,
        openBlobs: async () => blobs,
        places: placesIn(folder),
        openRunner: async () => new NoMathematics(),
        release: async () => {},
      },
    ),
  );
}

/** Enrols so many clusters and puts a track whose rounds want `cohort` of them. */
export async function foundCrowd(engine: Engine, clusters: number, cohort: number): Promise<readonly ClusterId[]> {
  const names = Array.from({ length: clusters }, (_, at) => `cluster-${at}` as ClusterId);
  for (let from = 0; from < clusters; from += enrolledAtOnce) {
    const events = names.slice(from, from + enrolledAtOnce).flatMap((name) => enrolled(name));
    unwrap(await engine.commit(operator, () => ok({ events, value: undefined })));
  }
  const spec = { architecture: 'syscall/bench', hyperparameters: {}, tensors: [{ name: 'w', shape: [4] }] };
  const waits = `recruitForMs: ${hour}, collectForMs: ${hour}, aggregateForMs: ${hour}`;
  const policy = unwrap(
    parseTrackPolicy(
      `aggregation: { f: 2 }\nrounds: { goal: { kind: count, updates: ${cohort} }, overSelection: 1, ${waits} }`,
    ),
  );
  const modelDigest = unwrap(await engine.blobs.put(bytesOfValues(new Float32Array(4))));
  unwrap(await createTrack(engine, operator, { track, spec, policy, modelDigest, reason: 'bench' }));
  return names;
}

/** What a cluster would send, its bytes stored. */
export async function storedUpdate(engine: Engine, cluster: ClusterId, invitation: Invitation): Promise<UpdateHeader> {
  const bytes = hash('sha512', cluster, 'buffer');
  const { round, base, schemaDigest: schema, modelBytes: plainBytes } = invitation;
  return {
    ...{ federation, track, round, cluster, base: base.digest, schema, codec: 'f32le', plainBytes, exampleCount: 1 },
    payload: unwrap(await engine.blobs.put(bytes)),
    payloadBytes: bytes.length,
  } as UpdateHeader;
}
