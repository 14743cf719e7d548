import type { ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import { ok } from '../base/fault.ts';
import { ruleOf } from '../coordinator/access/calls.ts';
import type { Door } from '../coordinator/grpc/door.ts';
import { bulkCalls as federationCalls } from '../coordinator/grpc/federation/bulk-calls.ts';
import { federationDefinition } from '../coordinator/grpc/federation/federation-service.ts';
import type { FileFetches } from '../coordinator/grpc/federation/file-fetches.ts';
import type { Watchers } from '../coordinator/grpc/federation/watch.ts';
import { bulkCalls as releasesCalls } from '../coordinator/grpc/releases/bulk-calls.ts';
import type { ReleaseStreams } from '../coordinator/grpc/releases/release-streams.ts';
import { releasesDefinition } from '../coordinator/grpc/releases/releases-service.ts';
import type { ServedService } from '../coordinator/grpc/service.ts';
import type { UpdateIntake } from '../coordinator/grpc/updates/update-intake.ts';
import { EnrolmentService } from '../proto/generated/testudo/v1/enrolment.ts';
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
      implementation: { ...federationCalls({ door, intake, watchers, models }), ...told.implementation },
    },
    {
      definition: { ...releasesDefinition, ...reported.definition },
      implementation: { ...releasesCalls({ door, streams, files }), ...reported.implementation },
    },
    handedOn(ResponsesService, Object.keys(ResponsesService)),
  ];
}
