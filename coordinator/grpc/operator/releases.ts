import { canonicalJson, type JsonValue } from '../../../base/canonical-json.ts';
import { ok } from '../../../base/fault.ts';
import type {
  ClusterInstall,
  GetReleaseRequest,
  GetReleaseResponse,
  ListReleasesRequest,
  ListReleasesResponse,
  ReleaseBreaker,
  Release as ReleaseMessage,
  RevokeReleaseRequest,
  RevokeReleaseResponse,
} from '../../../proto/generated/testudo/v1/operator_releases.ts';
import { InstallOutcome } from '../../../proto/generated/testudo/v1/releases.ts';
import { calls } from '../../access/calls.ts';
import { revokeRelease } from '../../operations/releases.ts';
import { openBreakers } from '../../registry/decide/at-the-gate.ts';
import type { Registry } from '../../registry/registry.ts';
import type { Engine } from '../../rounds/engine.ts';
import { pageOf } from '../../views/page.ts';
import {
  descendantsOf,
  findRelease,
  type InstallView,
  installsView,
  type ReleaseView,
  releaseView,
} from '../../views/releases.ts';
import { findTrack } from '../../views/request.ts';
import type { Door } from '../door.ts';
import { changeOnly } from './channels.ts';
import { modelRef, ms, optionalVersion } from './messages.ts';

const installsMax = 2_000;
const breakersMax = 1_000;
const descendantsMax = 1_000;

const outcomes: Readonly<Record<NonNullable<InstallView['outcome']>, InstallOutcome>> = {
  installed: InstallOutcome.INSTALL_OUTCOME_INSTALLED,
  shadowing: InstallOutcome.INSTALL_OUTCOME_SHADOWING,
  refused: InstallOutcome.INSTALL_OUTCOME_REFUSED,
};

/** Releases: what there is, what it is made of, and who runs it. */
export function releaseHandlers(door: Door<'operator'>, engine: Engine, registry: Registry) {
  return {
    listReleases: door.unary<'viewer', ListReleasesRequest, ListReleasesResponse>(
      calls.operator.listReleases,
      async ({ track: name, page }) => {
        const found = findTrack(engine.state(), name);
        if (!found.ok) return found;
        const track = found.value;
        const paged = pageOf([...track.models].reverse(), page, ({ version }) => String(version));
        if (!paged.ok) return paged;
        const agents = registry.agents(track.track);
        const releases = paged.value.rows.map(({ version }) => releaseMessage(releaseView(track, version, agents)));
        return ok({ releases, nextPage: paged.value.nextPage, floor: BigInt(track.releasing.floor) });
      },
    ),

    getRelease: door.unary<'viewer', GetReleaseRequest, GetReleaseResponse>(
      calls.operator.getRelease,
      async ({ track: name, version: wanted }) => {
        const found = findTrack(engine.state(), name);
        if (!found.ok) return found;
        const track = found.value;
        const version = Number(wanted);
        const release = findRelease(track, version);
        if (!release.ok) return release;
        const agents = registry.agents(track.track);
        const installs = installsView(version, registry.resolved(track.track), agents);
        return ok({
          release: releaseMessage(releaseView(track, version, agents)),
          manifestJson: canonicalJson(release.value.manifest as unknown as JsonValue),
          installs: installs.slice(0, installsMax).map(installMessage),
          breakers: openBreakers(engine.state(), track, version).slice(0, breakersMax).map(breakerMessage),
        });
      },
    ),

    revokeRelease: door.unary<'operator', RevokeReleaseRequest, RevokeReleaseResponse>(
      calls.operator.revokeRelease,
      async (request, { actor }) => {
        const changed = changeOnly(await revokeRelease(registry, actor, request));
        if (!changed.ok) return changed;
        const descendants = descendantsOf(engine.state(), request.track, Number(request.version));
        return ok({ ...changed.value, descendants: descendants.slice(0, descendantsMax).map(BigInt) });
      },
    ),
  };
}

function breakerMessage(breaker: ReturnType<typeof openBreakers>[number]): ReleaseBreaker {
  const { cluster, flaggedPodCount, podCount, workloadCount, withinMs, reportedAtMs } = breaker;
  return { cluster, flaggedPodCount, podCount, workloadCount, withinMs: BigInt(withinMs), atMs: BigInt(reportedAtMs) };
}

function releaseMessage({ model, round, createdAtMs, channels, ...row }: ReleaseView): ReleaseMessage {
  return {
    ...row,
    model: modelRef(model),
    round: round ?? '',
    createdAtMs: ms(createdAtMs),
    channels: [...channels],
    manifestDigest: row.manifestDigest ?? '',
    sizeBytes: BigInt(row.sizeBytes),
  };
}

function installMessage({ cluster, wanted, wantedShadow, because, ...said }: InstallView): ClusterInstall {
  return {
    cluster,
    wanted: optionalVersion(wanted),
    wantedShadow: optionalVersion(wantedShadow),
    because,
    outcome: said.outcome === null ? InstallOutcome.INSTALL_OUTCOME_UNSPECIFIED : outcomes[said.outcome],
    faultCode: said.faultCode ?? '',
    atMs: ms(said.reportedAtMs),
  };
}
