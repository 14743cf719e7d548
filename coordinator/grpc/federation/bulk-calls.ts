import { ok } from '../../../base/fault.ts';
import type {
  FetchModelRequest,
  SubmitUpdateRequest,
  SubmitUpdateResponse,
  UploadStatusRequest,
  UploadStatusResponse,
  WatchRequest,
} from '../../../proto/generated/testudo/v1/federation.ts';
import { calls } from '../../access/calls.ts';
import type { Door } from '../door.ts';
import type { UpdateIntake } from '../updates/update-intake.ts';
import type { FileFetches } from './file-fetches.ts';
import type { Watchers } from './watch.ts';

type BulkParts<Told, Message> = Readonly<{
  door: Door<'federation'>;
  intake: UpdateIntake;
  watchers: Watchers<Told, Message>;
  models: FileFetches;
}>;

/** Of what clusters call, that which carries bytes or stands open: served alike by a coordinator and by the doors before it. */
export function bulkCalls<Told, Message>({ door, intake, watchers, models }: BulkParts<Told, Message>) {
  return {
    watch: door.serverStream<'cluster', WatchRequest, Message>(calls.federation.watch, (request, send, call) =>
      watchers.watch(call.caller.cluster, request, send, call),
    ),
    fetchModel: door.serverStream<'cluster', FetchModelRequest, Buffer>(
      calls.federation.fetchModel,
      (request, send, { caller, signal }) => models.fetch(caller.cluster, request, send, signal),
    ),
    submitUpdate: door.clientStream<'cluster', SubmitUpdateRequest, SubmitUpdateResponse>(
      calls.federation.submitUpdate,
      async (messages, call) => {
        const receipt = await intake.submit(call.caller.cluster, messages, call);
        return receipt.ok ? ok({ receipt: receipt.value }) : receipt;
      },
    ),
    uploadStatus: door.unary<'cluster', UploadStatusRequest, UploadStatusResponse>(
      calls.federation.uploadStatus,
      (request, call) => intake.status(call.caller.cluster, request, call),
    ),
  };
}
