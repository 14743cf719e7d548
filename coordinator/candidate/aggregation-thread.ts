import { workerData } from 'node:worker_threads';
import { serveThread } from '../../base/thread-link.ts';
import { joinBlobStore } from '../blobs/store-settings.ts';
import { algebraFor } from './algebra-choice.ts';
import type { AggregationJob, TileJob } from './job.ts';
import { KeptBlocks } from './opening/kept-blocks.ts';
import type { JobPlaces } from './places.ts';
import { runJob } from './run-job.ts';
import { runTile } from './tiles/run-tile.ts';

export type ThreadRequest = Readonly<
  /** Answered with Result<AggregationResult, RunFaultCode>. */
  | { kind: 'run'; job: AggregationJob; secretKey: Uint8Array }
  /** Answered with Result<TileResult, RunFaultCode>. */
  | { kind: 'tile'; tile: TileJob; secretKey: Uint8Array }
  /** A job on so many values comes soon: load what it will need. Answered at once. */
  | { kind: 'prepare'; values: number }
  /** Nobody asks any more for what earlier tiles opened. Answered at once. */
  | { kind: 'forget' }
>;

const { blobs, ...rest } = workerData as JobPlaces;
const kept = new KeptBlocks();
const workplace = { blobs: joinBlobStore(blobs), kept, ...rest };

/** A throw ends the thread: nobody knows what it left in native memory. */
serveThread<ThreadRequest>(
  (request) => {
    if (request.kind === 'run') {
      return runJob(request.job, request.secretKey, workplace, algebraFor).finally(() => kept.release());
    }
    if (request.kind === 'tile') return runTile(request.tile, request.secretKey, workplace, algebraFor);
    if (request.kind === 'forget') kept.release();
    else void algebraFor(request.values);
    return undefined;
  },
  { endOnThrow: true },
);
