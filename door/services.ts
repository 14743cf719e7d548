import type { ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import { ok } from '../base/fault.ts';
import { calls, ruleOf } from '../coordinator/access/calls.ts';
import type { Door } from '../coordinator/grpc/door.ts';
import { federationDefinition } from '../coordinator/grpc/federation/federation-service.ts';
import type { FileFetches } from '../coordinator/grpc/federation/file-fetches.ts';
import type { Watchers } from '../coordinator/grpc/federation/watch.ts';
import type { ReleaseStreams } from '../coordinator/grpc/releases/release-streams.ts';
import { releasesDefinition } from '../coordinator/grpc/releases/releases-service.ts';
import type { ServedService } from '../coordinator/grpc/service.ts';
import type { UpdateIntake } from '../coordinator/grpc/updates/update-intake.ts';
import { EnrolmentService } from '../proto/generated/testudo/v1/enrolment.ts';
import type {
  FetchModelRequest,
  SubmitUpdateRequest,
  SubmitUpdateResponse,
  UploadStatusRequest,
  UploadStatusResponse,
  WatchRequest,
} from '../proto/generated/testudo/v1/federation.ts';
import type { FetchFileRequest, SubscribeRequest, SubscribeResponse } from '../proto/generated/testudo/v1/releases.ts';
import { ResponsesService } from '../proto/generated/testudo/v1/responses.ts';
import { refusedBy } from './door-desk.ts';
import type { LeaderLink } from './leader-link.ts';
import { seenPeer } from './seen-peer.ts';

type ServiceParts = Readonly<{
  door: Door;
  leader: Pick<LeaderLink, 'handOn'>;
  intake: UpdateIntake;
  watchers: Watchers<Buffer, Buffer>;
  models: FileFetches;
  files: FileFetches;
  streams: ReleaseStreams;
}>;

const asItIs = (encoded: Buffer): Buffer => encoded;

/** What clusters call at a door: what carries bytes or stands open is served here, the rest is handed on to the leader. */
export function doorServices({
  door,
  leader,
  intake,
  watchers,
  models,
  files,
  streams,
}: ServiceParts): ServedService[] {
  /** A call that the leader answers: request and answer pass as they are. */
  const handOn = (path: string) => {
    const rule = ruleOf(path);
    if (rule === undefined) throw new Error(`${path}: no such call`);
    return door.unary<never, Buffer, Buffer>(rule as never, async (request, call) => {
      const answered = await leader.handOn({ peer: seenPeer(call), method: path, request });
      if (!answered.ok) return answered;
      const { outcome } = answered.value;
      return outcome?.$case === 'response' ? ok(outcome.value) : refusedBy(outcome?.value);
    });
  };
  /** The methods of a service that are handed on. */
  const handedOn = (service: ServiceDefinition, names: readonly string[]) => {
    const definition: Record<string, ServiceDefinition[string]> = {};
    const implementation: UntypedServiceImplementation = {};
    for (const name of names) {
      const method = service[name] as ServiceDefinition[string];
      definition[name] = { ...method, requestDeserialize: asItIs, responseSerialize: asItIs };
      implementation[name] = handOn(method.path);
    }
    return { definition, implementation };
  };

  const watch = door.serverStream<'cluster', WatchRequest, Buffer>(calls.federation.watch, (request, send, call) =>
    watchers.watch(call.caller.cluster, request, send, call),
  );
  const fetchModel = door.serverStream<'cluster', FetchModelRequest, Buffer>(
    calls.federation.fetchModel,
    (request, send, { caller, signal }) => models.fetch(caller.cluster, request, send, signal),
  );
  const submitUpdate = door.clientStream<'cluster', SubmitUpdateRequest, SubmitUpdateResponse>(
    calls.federation.submitUpdate,
    async (messages, call) => {
      const receipt = await intake.submit(call.caller.cluster, messages, call);
      return receipt.ok ? ok({ receipt: receipt.value }) : receipt;
    },
  );
  const uploadStatus = door.unary<'cluster', UploadStatusRequest, UploadStatusResponse>(
    calls.federation.uploadStatus,
    (request, call) => intake.status(call.caller.cluster, request, call),
  );
  const subscribe = door.serverStream<'cluster', SubscribeRequest, SubscribeResponse>(
    calls.releases.subscribe,
    (request, send, { caller, signal }) => streams.serve(caller.cluster, request, send, signal),
  );
  const fetchFile = door.serverStream<'cluster', FetchFileRequest, Buffer>(
    calls.releases.fetchFile,
    (request, send, { caller, signal }) => files.fetch(caller.cluster, request, send, signal),
  );

  const told = handedOn(federationDefinition, ['tellAlerts', 'tellMap']);
  const reported = handedOn(releasesDefinition, ['acknowledge', 'reportShadow']);
  const { watch: watchMethod } = federationDefinition;
  return [
    handedOn(EnrolmentService, ['renew']),
    {
      definition: {
        ...federationDefinition,
        ...told.definition,
        watch: { ...watchMethod, responseSerialize: asItIs } as ServiceDefinition[string],
      },
      implementation: { watch, fetchModel, submitUpdate, uploadStatus, ...told.implementation },
    },
    {
      definition: { ...releasesDefinition, ...reported.definition },
      implementation: { subscribe, fetchFile, ...reported.implementation },
    },
    handedOn(ResponsesService, Object.keys(ResponsesService)),
  ];
}
