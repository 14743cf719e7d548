import { ok, type Result, refuse } from '../../base/fault.ts';
import type { EpochMs } from '../../base/time.ts';
import type { ClusterId, Digest, RoundId, TrackId } from '../../proto/ids.ts';
import { type AgentState, type Release, releaseOf } from '../ledger/state/releasing.ts';
import type { State, Track } from '../ledger/state/state.ts';
import { servableVersions } from '../registry/decide/catalogue-of.ts';
import type { Effect } from '../registry/decide/effects.ts';
import { descendsFrom } from '../registry/decide/lineage.ts';
import { type ModelView, modelView } from './tracks.ts';

/** One version of a track; what was not released, or not yet, is shown as the model that it is. */
export type ReleaseView = Readonly<{
  model: ModelView | undefined;
  /** null for the initial model, and for an imported one. */
  round: RoundId | null;
  createdAtMs: EpochMs | null;
  /** Names of the channels that point at it. */
  channels: readonly string[];
  manifestDigest: Digest | null;
  /** Of manifest and files. */
  sizeBytes: number;
  revoked: boolean;
  belowFloor: boolean;
  /** Retention has removed its files. */
  removed: boolean;
  /** Clusters whose agents last said that they run it, live or in shadow. */
  liveCount: number;
  shadowCount: number;
}>;

/** One cluster that shall run a version, runs it, or refused it. */
export type InstallView = Readonly<{
  cluster: ClusterId;
  wanted: number | null;
  wantedShadow: number | null;
  because: string;
  /** What its agent last said of this version; null where it said nothing of it. */
  outcome: 'installed' | 'shadowing' | 'refused' | null;
  faultCode: string | null;
  reportedAtMs: EpochMs | null;
}>;

/** Versions that were computed from this one, over any number of rounds, and that nothing forbids to run. Ascending. */
export function descendantsOf({ tracks }: Pick<State, 'tracks'>, id: string, ancestor: number): readonly number[] {
  const releasing = tracks.get(id as TrackId)?.releasing;
  if (releasing === undefined) return [];
  return servableVersions(releasing).filter(
    (version) => version > ancestor && descendsFrom(releasing, version, ancestor),
  );
}

export function releaseView(track: Track, version: number, agents: readonly AgentState[]): ReleaseView {
  const { floor, revoked, channels } = track.releasing;
  const release = releaseOf(track.releasing, version);
  const model = track.models[version];
  const files = release?.manifest.files ?? [];
  return {
    model: modelView(track, version),
    round: model?.round ?? null,
    createdAtMs: model?.createdAtMs ?? null,
    channels: Object.entries(channels).flatMap(([name, channel]) => (channel.version === version ? [name] : [])),
    manifestDigest: release?.manifestDigest ?? null,
    sizeBytes: files.reduce((sum, { bytes }) => sum + bytes, release?.manifestBytes ?? 0),
    revoked: revoked.includes(version),
    belowFloor: version < floor,
    removed: release?.retired ?? false,
    liveCount: agents.filter(({ liveVersion }) => liveVersion === version).length,
    shadowCount: agents.filter(({ shadowVersion }) => shadowVersion === version).length,
  };
}

export function findRelease({ track, releasing }: Track, version: number): Result<Release, 'VERSION_NOT_FOUND'> {
  const release = releaseOf(releasing, version);
  if (release !== undefined) return ok(release);
  const newest = releasing.releases.at(-1)?.version;
  const nearest = newest === undefined ? 'there is none yet' : `the newest is ${newest}`;
  return refuse('VERSION_NOT_FOUND', `track ${track} has no release ${version}; ${nearest}`);
}

/** By cluster. `wanted`: what each enrolled cluster should run now. */
export function installsView(
  version: number,
  wanted: readonly Effect[],
  agents: readonly AgentState[],
): readonly InstallView[] {
  const byCluster = new Map(agents.map((agent) => [agent.cluster, agent]));
  const rows = wanted.map((effect) => ({ effect, agent: byCluster.get(effect.cluster) }));
  const concerned = rows.filter(({ effect, agent }) =>
    [effect.after, effect.shadowAfter, agent?.liveVersion, agent?.shadowVersion, agent?.refused?.version].includes(
      version,
    ),
  );
  concerned.sort((a, b) => (a.effect.cluster < b.effect.cluster ? -1 : 1));
  return concerned.map(({ effect, agent }) => ({
    cluster: effect.cluster,
    wanted: effect.after,
    wantedShadow: effect.shadowAfter,
    because: effect.because,
    outcome: outcomeOf(version, agent),
    faultCode: agent?.refused?.version === version ? agent.refused.faultCode : null,
    reportedAtMs: agent?.reportedAtMs ?? null,
  }));
}

function outcomeOf(version: number, agent: AgentState | undefined): InstallView['outcome'] {
  if (agent?.refused?.version === version) return 'refused';
  if (agent?.liveVersion === version) return 'installed';
  return agent?.shadowVersion === version ? 'shadowing' : null;
}
