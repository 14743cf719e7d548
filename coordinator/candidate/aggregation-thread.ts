import { workerData } from 'node:worker_threads';
import { serveThread } from '../../base/thread-link.ts';
import { joinFileBlobStore } from '../blobs/file-blob-store.ts';
import { algebraFor } from './algebra-choice.ts';
import type { AggregationJob, ArrivedUpdate, TileJob } from './job.ts';
import { EarlyRows } from './opening/early-rows.ts';
import { KeptBlocks } from './opening/kept-blocks.ts';
import type { JobPlaces } from './places.ts';
import { runJob } from './run-job.ts';
import { runTile } from './tiles/run-tile.ts';

export type ThreadRequest = Readonly<
  /** Answered with Result<AggregationResult, RunFaultCode>. */
  | { kind: 'run'; job: AggregationJob; secretKey: Uint8Array }
  /** Answered with Result<TileResult, RunFaultCode>. */
  | { kind: 'tile'; tile: TileJob; secretKey: Uint8Array }
  /** Open it, while others are on their way. Answered when that is done, or cannot be. */
  | { kind: 'arrived'; arrived: ArrivedUpdate; secretKey: Uint8Array }
  /** The round with this key has ended. Answered at once. */
  | { kind: 'over'; keyName: string }
  /** A job on so many values comes soon: load what it will need. Answered at once. */
  | { kind: 'prepare'; values: number }
  /** Nobody asks any more for what earlier tiles opened. Answered at once. */
  | { kind: 'forget' }
>;

const { blobs, ...rest } = workerData as JobPlaces;
const kept = new KeptBlocks();
const early = new EarlyRows();
const store = joinFileBlobStore(blobs.dir);
const workplace = { blobs: store, kept, ...rest };

/** A throw ends the thread: nobody knows what it left in native memory. */
serveThread<ThreadRequest>(
  (request) => {
    if (request.kind === 'run') {
      const { job } = request;
      const places = { ...workplace, early: early.takenBy(job) };
      return runJob(job, request.secretKey, places, algebraFor).finally(() => {
        early.release(job.keyName);
        kept.release();
      });
    }
    if (request.kind === 'tile') return runTile(request.tile, request.secretKey, workplace, algebraFor);
    if (request.kind === 'arrived') {
      early.open(request.arrived, request.secretKey, { path: (digest) => store.path(digest) });
      request.secretKey.fill(0);
    } else if (request.kind === 'over') early.release(request.keyName);
    else if (request.kind === 'forget') kept.release();
    else void algebraFor(request.values);
    return undefined;
  },
  { endOnThrow: true },
);
