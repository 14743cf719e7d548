import { ok, refuse } from '../../../base/fault.ts';
import {
  type AcknowledgeRequest,
  type AcknowledgeResponse,
  InstallOutcome,
  ReleasesService,
  type ReportShadowRequest,
  type ReportShadowResponse,
} from '../../../proto/generated/testudo/v1/releases.ts';
import type { ClusterId, FederationId } from '../../../proto/ids.ts';
import { checkInstallReport } from '../../../proto/release/install-report.ts';
import { checkShadowReport } from '../../../proto/release/shadow-report.ts';
import { calls } from '../../access/calls.ts';
import type { InstallOutcome as OutcomeName } from '../../ledger/journal/events.ts';
import type { Registry } from '../../registry/registry.ts';
import type { Door } from '../door.ts';
import type { FileFetches } from '../federation/file-fetches.ts';
import { tolerant } from '../service.ts';
import { bulkCalls } from './bulk-calls.ts';
import type { ReleaseStreams } from './release-streams.ts';

type ReleasesParts = Readonly<{
  door: Door<'releases'>;
  registry: Registry;
  streams: ReleaseStreams;
  fetches: FileFetches;
}>;

const served = tolerant(ReleasesService);
/** Files go out as they were encoded once, for all agents. */
export const releasesDefinition = {
  ...served,
  fetchFile: { ...served.fetchFile, responseSerialize: (encoded: Buffer): Buffer => encoded },
};

const outcomes: Readonly<Partial<Record<InstallOutcome, OutcomeName>>> = {
  [InstallOutcome.INSTALL_OUTCOME_INSTALLED]: 'installed',
  [InstallOutcome.INSTALL_OUTCOME_SHADOWING]: 'shadowing',
  [InstallOutcome.INSTALL_OUTCOME_REFUSED]: 'refused',
  [InstallOutcome.INSTALL_OUTCOME_KEPT]: 'kept',
};

/** What release agents call. The cluster is the one in the certificate, and its signing key must have signed reports. */
export function releasesService({ door, registry, streams, fetches }: ReleasesParts) {
  const bulk = bulkCalls({ door, streams, files: fetches });

  const acknowledge = door.unary<'cluster', AcknowledgeRequest, AcknowledgeResponse>(
    calls.releases.acknowledge,
    async (request, { caller }) => {
      const outcome = outcomes[request.outcome];
      if (outcome === undefined) return refuse('REQUEST_INVALID', 'outcome must be said');
      const report = checkInstallReport({ ...named(registry.federation, caller.cluster, request), outcome });
      if (!report.ok) return report;
      const sequence = await registry.reports.acknowledge(report.value, request.signature);
      return sequence.ok ? ok({ sequence: BigInt(sequence.value) }) : sequence;
    },
  );

  const reportShadow = door.unary<'cluster', ReportShadowRequest, ReportShadowResponse>(
    calls.releases.reportShadow,
    async (request, { caller }) => {
      const report = checkShadowReport(named(registry.federation, caller.cluster, request));
      if (!report.ok) return report;
      const sequence = await registry.reports.reportShadow(report.value, request.signature);
      return sequence.ok ? ok({ sequence: BigInt(sequence.value) }) : sequence;
    },
  );

  return { definition: releasesDefinition, implementation: { ...bulk, acknowledge, reportShadow } };
}

/** The message as the report that was signed: whole numbers as numbers, and who said it. */
function named(federation: FederationId, cluster: ClusterId, message: object): object {
  const fields = Object.entries(message).map(([name, value]) => [
    name,
    typeof value === 'bigint' ? Number(value) : value,
  ]);
  return { ...Object.fromEntries(fields), federation, cluster };
}
