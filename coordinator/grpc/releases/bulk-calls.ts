import type {
  FetchFileRequest,
  SubscribeRequest,
  SubscribeResponse,
} from '../../../proto/generated/testudo/v1/releases.ts';
import { calls } from '../../access/calls.ts';
import type { Door } from '../door.ts';
import type { FileFetches } from '../federation/file-fetches.ts';
import type { ReleaseStreams } from './release-streams.ts';

type BulkParts = Readonly<{ door: Door<'releases'>; streams: ReleaseStreams; files: FileFetches }>;

/** Of what release agents call, that which carries bytes or stands open: served alike by a coordinator and by the doors before it. */
export function bulkCalls({ door, streams, files }: BulkParts) {
  return {
    subscribe: door.serverStream<'cluster', SubscribeRequest, SubscribeResponse>(
      calls.releases.subscribe,
      (request, send, { caller, signal }) => streams.serve(caller.cluster, request, send, signal),
    ),
    fetchFile: door.serverStream<'cluster', FetchFileRequest, Buffer>(
      calls.releases.fetchFile,
      (request, send, { caller, signal }) => files.fetch(caller.cluster, request, send, signal),
    ),
  };
}
