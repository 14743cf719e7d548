import type { ClientReadableStream } from '@grpc/grpc-js';
import { FaultError } from '../../../base/fault.ts';
import { unpackChunk } from '../../../proto/chunk-encoding.ts';
import type { FetchFileResponse } from '../../../proto/generated/testudo/v1/releases.ts';
import type { PieceStream } from '../../link/download.ts';

/** A file's own bytes, however they were packed on their way. Ends with a FaultError at a chunk that cannot be unpacked. */
export function unpackedPieces(call: ClientReadableStream<FetchFileResponse>): PieceStream {
  return {
    async *[Symbol.asyncIterator]() {
      for await (const { offset, sizeBytes, ...packed } of call as AsyncIterable<FetchFileResponse>) {
        const chunk = unpackChunk(packed);
        if (!chunk.ok) throw new FaultError(chunk.fault);
        yield { offset, sizeBytes, chunk: chunk.value };
      }
    },
    cancel: () => call.cancel(),
  };
}
