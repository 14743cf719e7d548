import { canonicalJson, type JsonValue } from '../../../base/canonical-json.ts';
import { ok, type Result, refuse } from '../../../base/fault.ts';
import type {
  ClusterInstall,
  GetReleaseRequest,
  GetReleaseResponse,
  ListReleasesRequest,
  ListReleasesResponse,
  Release as ReleaseMessage,
  RevokeReleaseRequest,
  RevokeReleaseResponse,
} from '../../../proto/generated/testudo/v1/operator_releases.ts';
import { InstallOutcome } from '../../../proto/generated/testudo/v1/releases.ts';
import { isTrackId } from '../../../proto/ids.ts';
import { calls } from '../../access/calls.ts';
import { type AgentState, releaseOf } from '../../ledger/state/releasing.ts';
import type { State, Track } from '../../ledger/state/state.ts';
import type { Effect } from '../../registry/decide/effects.ts';
import type { Registry } from '../../registry/registry.ts';
import type { Engine } from '../../rounds/engine.ts';
import type { Door } from '../door.ts';
import { changeMessage, optionalVersion, readChange, readVersion } from './changes.ts';
import { checkId, ms, pageOf } from './requests.ts';
import { modelRef } from './tracks.ts';

const installsMax = 2_000;

/** Releases: what there is, what it is made of, and who runs it. */
export function releaseHandlers(door: Door, engine: Engine, registry: Registry) {
  return {
    listReleases: door.unary<'viewer', ListReleasesRequest, ListReleasesResponse>(
      calls.operator.listReleases,
      async ({ track: name, page }) => {
        const track = findTrack(engine.state(), name);
        if (!track.ok) return track;
        const paged = pageOf([...track.value.models].reverse(), page, ({ version }) => String(version));
        if (!paged.ok) return paged;
        const agents = registry.agents(track.value.track);
        const releases = paged.value.rows.map(({ version }) => releaseMessage(track.value, version, agents));
        return ok({ releases, nextPage: paged.value.nextPage, floor: BigInt(track.value.releasing.floor) });
      },
    ),

    getRelease: door.unary<'viewer', GetReleaseRequest, GetReleaseResponse>(
      calls.operator.getRelease,
      async ({ track: name, version: wanted }) => {
        const track = findTrack(engine.state(), name);
        if (!track.ok) return track;
        const version = Number(wanted);
        const release = releaseOf(track.value.releasing, version);
        if (release === undefined) {
          const newest = track.value.releasing.releases.at(-1)?.version;
          const nearest = newest === undefined ? 'there is none yet' : `the newest is ${newest}`;
          return refuse('VERSION_NOT_FOUND', `track ${name} has no release ${version}; ${nearest}`);
        }
        const agents = registry.agents(track.value.track);
        return ok({
          release: releaseMessage(track.value, version, agents),
          manifestJson: canonicalJson(release.manifest as unknown as JsonValue),
          installs: installsOf(version, registry.resolved(track.value.track), agents),
        });
      },
    ),

    revokeRelease: door.unary<'operator', RevokeReleaseRequest, RevokeReleaseResponse>(
      calls.operator.revokeRelease,
      async (request, { actor }) => {
        const change = readChange(request);
        if (!change.ok) return change;
        const version = readVersion(request.version);
        if (!version.ok) return version;
        const { dryRun } = request;
        const changed = await registry.revoke(actor, { ...change.value, version: version.value, dryRun });
        return changed.ok ? ok({ change: changeMessage(changed.value) }) : changed;
      },
    ),
  };
}

export function findTrack({ tracks }: State, name: string): Result<Track, 'TRACK_NOT_FOUND' | 'REQUEST_INVALID'> {
  const id = checkId('track', name, isTrackId);
  if (!id.ok) return id;
  const track = tracks.get(id.value);
  if (track !== undefined) return ok(track);
  const known = [...tracks.keys()].sort().join(', ') || 'none';
  return refuse('TRACK_NOT_FOUND', `there is no track ${name}; tracks: ${known}`);
}

/** A version that was not released, or not yet, is shown as the model that it is. */
function releaseMessage(track: Track, version: number, agents: readonly AgentState[]): ReleaseMessage {
  const { floor, revoked, channels } = track.releasing;
  const release = releaseOf(track.releasing, version);
  const model = track.models[version];
  const files = release?.manifest.files ?? [];
  return {
    model: modelRef(track, version),
    round: model?.round ?? '',
    createdAtMs: ms(model?.createdAtMs),
    channels: Object.entries(channels).flatMap(([name, channel]) => (channel.version === version ? [name] : [])),
    manifestDigest: release?.manifestDigest ?? '',
    sizeBytes: BigInt(files.reduce((sum, { bytes }) => sum + bytes, release?.manifestBytes ?? 0)),
    revoked: revoked.includes(version),
    belowFloor: version < floor,
    removed: release?.retired ?? false,
    liveCount: agents.filter(({ liveVersion }) => liveVersion === version).length,
    shadowCount: agents.filter(({ shadowVersion }) => shadowVersion === version).length,
  };
}

/** Clusters that shall run this version, run it, or refused it. */
function installsOf(version: number, wanted: readonly Effect[], agents: readonly AgentState[]): ClusterInstall[] {
  const byCluster = new Map(agents.map((agent) => [agent.cluster, agent]));
  const rows = wanted.map((effect) => ({ effect, agent: byCluster.get(effect.cluster) }));
  const concerned = rows.filter(({ effect, agent }) =>
    [effect.after, effect.shadowAfter, agent?.liveVersion, agent?.shadowVersion, agent?.refused?.version].includes(
      version,
    ),
  );
  concerned.sort((a, b) => (a.effect.cluster < b.effect.cluster ? -1 : 1));
  return concerned.slice(0, installsMax).map(({ effect, agent }) => ({
    cluster: effect.cluster,
    wanted: optionalVersion(effect.after),
    wantedShadow: optionalVersion(effect.shadowAfter),
    because: effect.because,
    outcome: outcomeOf(version, agent),
    faultCode: agent?.refused?.version === version ? agent.refused.faultCode : '',
    atMs: ms(agent?.reportedAtMs),
  }));
}

function outcomeOf(version: number, agent: AgentState | undefined): InstallOutcome {
  if (agent?.refused?.version === version) return InstallOutcome.INSTALL_OUTCOME_REFUSED;
  if (agent?.liveVersion === version) return InstallOutcome.INSTALL_OUTCOME_INSTALLED;
  if (agent?.shadowVersion === version) return InstallOutcome.INSTALL_OUTCOME_SHADOWING;
  return InstallOutcome.INSTALL_OUTCOME_UNSPECIFIED;
}
