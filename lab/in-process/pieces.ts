import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { FaultError } from '../../base/fault.ts';
import type { PieceStream } from '../../client/link/download.ts';
import type { FileFetches } from '../../coordinator/grpc/federation/file-fetches.ts';
import { FetchModelResponse } from '../../proto/generated/testudo/v1/federation.ts';
import type { ClusterId, Digest } from '../../proto/ids.ts';
import { cutBy } from './cut.ts';

/** A file's pieces as the coordinator sends them, one on its way at a time. */
export function piecesOf(
  fetches: FileFetches,
  cluster: ClusterId,
  request: Readonly<{ digest: Digest; offset: bigint }>,
  closing: AbortSignal,
): PieceStream {
  const cancelling = new AbortController();
  const cut = cutBy(closing, cancelling.signal);
  const pieces = new PassThrough({ objectMode: true, highWaterMark: 1 });
  const send = async (message: Buffer) => {
    // Files of releases travel in messages of the same shape.
    if (!pieces.write(FetchModelResponse.decode(message))) await once(pieces, 'drain', { signal: cut });
    return !cut.aborted;
  };
  const failed = (error: unknown) => void pieces.destroy(error instanceof Error ? error : new Error(String(error)));
  fetches.fetch(cluster, request, send, cut).then((served) => {
    if (served.ok) pieces.end();
    else failed(new FaultError(served.fault));
  }, failed);
  return Object.assign(pieces, { cancel: () => cancelling.abort() });
}
