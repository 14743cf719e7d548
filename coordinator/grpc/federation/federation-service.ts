import { ok } from '../../../base/fault.ts';
import {
  FederationService,
  type SubmitUpdateRequest,
  type TellAlertsRequest,
  type TellAlertsResponse,
  type TellMapRequest,
  type TellMapResponse,
} from '../../../proto/generated/testudo/v1/federation.ts';
import { calls } from '../../access/calls.ts';
import type { AlertBoard } from '../../rounds/told/alert-board.ts';
import type { MapBoard } from '../../rounds/told/map-board.ts';
import { chunkInPlace } from '../chunk-in-place.ts';
import type { Door } from '../door.ts';
import { tolerant } from '../service.ts';
import type { UpdateIntake } from '../updates/update-intake.ts';
import { bulkCalls } from './bulk-calls.ts';
import type { FileFetches } from './file-fetches.ts';
import type { Watchers } from './watch.ts';

type FederationParts = Readonly<{
  door: Door<'federation'>;
  intake: UpdateIntake;
  watchers: Watchers;
  fetches: FileFetches;
  alerts: AlertBoard;
  maps: MapBoard;
}>;

const served = tolerant(FederationService);
/** Large bytes pass without a copy of ours: encoded messages go out as they are, chunks are views of what came in. */
export const federationDefinition = {
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
export function federationService({ door, intake, watchers, fetches, alerts, maps }: FederationParts) {
  const bulk = bulkCalls({ door, intake, watchers, models: fetches });

  const tellAlerts = door.unary<'cluster', TellAlertsRequest, TellAlertsResponse>(
    calls.federation.tellAlerts,
    async ({ counts, sensors }, { caller, nowMs }) => {
      const rows = counts.map((one) => ({ ...one, hourMs: Number(one.hourMs), count: Number(one.count) }));
      const heard = alerts.hear(caller.cluster, rows, nowMs, sensors);
      return heard.ok ? ok({}) : heard;
    },
  );

  const tellMap = door.unary<'cluster', TellMapRequest, TellMapResponse>(
    calls.federation.tellMap,
    async (request, { caller, nowMs }) => {
      const heard = maps.hear(caller.cluster, request, nowMs);
      return heard.ok ? ok({}) : heard;
    },
  );

  return {
    definition: federationDefinition,
    implementation: { ...bulk, tellAlerts, tellMap },
  };
}
