import { ok, refuse } from '../../../base/fault.ts';
import { sealedLength } from '../../../proto/envelope/format.ts';
import {
  FederationService,
  type FetchModelRequest,
  type SubmitUpdateRequest,
  type SubmitUpdateResponse,
  type UploadStatusRequest,
  type UploadStatusResponse,
  type WatchRequest,
  type WatchResponse,
} from '../../../proto/generated/testudo/v1/federation.ts';
import { isDigest, isRoundId, isTrackId } from '../../../proto/ids.ts';
import { calls } from '../../access/calls.ts';
import type { Engine } from '../../rounds/engine.ts';
import { chunkInPlace } from '../chunk-in-place.ts';
import type { Door } from '../door.ts';
import { tolerant } from '../service.ts';
import type { UpdateIntake } from '../updates/update-intake.ts';
import type { FileFetches } from './file-fetches.ts';
import type { Watchers } from './watch.ts';

type FederationParts = Readonly<{
  door: Door<'federation'>;
  engine: Engine;
  intake: UpdateIntake;
  watchers: Watchers;
  fetches: FileFetches;
}>;

const served = tolerant(FederationService);
/** Large bytes pass without a copy of ours: encoded messages go out as they are, chunks are views of what came in. */
const definition = {
  ...served,
  fetchModel: {
    ...served.fetchModel,
    responseSerialize: (encoded: Buffer): Buffer => encoded,
  },
  submitUpdate: {
    ...served.submitUpdate,
    requestDeserialize: (bytes: Buffer): SubmitUpdateRequest => {
      const chunk = chunkInPlace(bytes);
      return chunk === undefined
        ? served.submitUpdate.requestDeserialize(bytes)
        : { part: { $case: 'chunk', value: chunk } };
    },
  },
};

/** What clusters call. The cluster is the one in the certificate; no handler here reads it from a field. */
export function federationService({ door, engine, intake, watchers, fetches }: FederationParts) {
  const watch = door.serverStream<'cluster', WatchRequest, WatchResponse>(
    calls.federation.watch,
    (request, send, { caller, signal }) => watchers.watch(caller.cluster, request, send, signal),
  );

  const fetchModel = door.serverStream<'cluster', FetchModelRequest, Buffer>(
    calls.federation.fetchModel,
    (request, send, { caller, signal }) => fetches.fetch(caller.cluster, request, send, signal),
  );

  const submitUpdate = door.clientStream<'cluster', SubmitUpdateRequest, SubmitUpdateResponse>(
    calls.federation.submitUpdate,
    async (messages, { caller, signal }) => {
      const receipt = await intake.submit(caller.cluster, messages, signal);
      return receipt.ok ? ok({ receipt: receipt.value }) : receipt;
    },
  );

  const uploadStatus = door.unary<'cluster', UploadStatusRequest, UploadStatusResponse>(
    calls.federation.uploadStatus,
    async ({ track, round, payloadDigest: digest }, { caller: { cluster } }) => {
      if (!isTrackId(track) || !isRoundId(round) || !isDigest(digest)) {
        return refuse('REQUEST_INVALID', 'track, round and payload_digest must be ids of their kinds');
      }
      const known = engine.state().tracks.get(track);
      if (known === undefined) return refuse('TRACK_NOT_FOUND', `there is no track ${track}`);
      const bytes = sealedLength(known.modelBytes);
      const receipt = engine.receiptOf(cluster, track, round, digest);
      if (receipt !== undefined) return ok({ receivedBytes: BigInt(bytes), receipt: intake.signed(receipt) });
      const received = await engine.blobs.uploadedBytes({ track, round, cluster, digest, bytes });
      return ok({ receivedBytes: BigInt(received), receipt: undefined });
    },
  );

  return { definition, implementation: { watch, fetchModel, submitUpdate, uploadStatus } };
}
