import { ok, type Result } from '../../../base/fault.ts';
import type { EpochMs } from '../../../base/time.ts';
import type { Digest } from '../../../proto/ids.ts';
import type { Pins } from '../../../proto/release/documents/catalogue.ts';
import { releaseFileNames } from '../../../proto/release/documents/manifest.ts';
import type { State, Track } from '../../ledger/state/state.ts';
import { openRoundOf } from '../../ledger/state/state.ts';
import type { Store, StoreFaultCode } from '../../ledger/store.ts';
import { byRegistry } from '../signing/set-signer.ts';

const keptDefault = 8;
/** Of the bytes of a retired release: its manifest and provenance stay for ever, they say what happened. */
const heavy: ReadonlySet<string> = new Set([releaseFileNames.weights, releaseFileNames.light]);

/**
 * Versions of a track that nothing needs any more, ascending. Needed is what is pinned, what a channel points at or an
 * agent says it runs, what a rollback may reach (from the floor on), what training starts from, and the last few.
 */
export function retirable(state: State, track: Track, pins: Pins | null, nowMs: EpochMs): readonly number[] {
  const { releasing, policy, headVersion, models } = track;
  const needed = new Set<number>([headVersion]);
  for (const { version } of Object.values(releasing.channels)) needed.add(version);
  for (const pin of pins?.pins ?? []) {
    if (pin.track === track.track && (pin.untilMs === null || pin.untilMs > nowMs)) needed.add(pin.version);
  }
  for (const agent of state.agents.values()) {
    if (agent.track !== track.track || state.clusters.get(agent.cluster)?.status !== 'enrolled') continue;
    if (agent.liveVersion !== null) needed.add(agent.liveVersion);
    if (agent.shadowVersion !== null) needed.add(agent.shadowVersion);
  }
  const round = openRoundOf(track);
  if (round !== undefined && 'base' in round.phase) needed.add(round.phase.base.version);
  // Stragglers of earlier rounds may have started from any of these.
  const staleness = policy.rounds.carryOver?.stalenessMax ?? 0;
  for (const { version } of models.slice(Math.max(0, headVersion - staleness), headVersion)) needed.add(version);
  const last = releasing.releases.slice(-(policy.releasesKept ?? keptDefault)).map(({ version }) => version);
  return releasing.releases.flatMap(({ version, retired }) => {
    const isRevoked = releasing.revoked.includes(version);
    const inReach = !isRevoked && (version >= releasing.floor || last.includes(version));
    return retired || inReach || needed.has(version) ? [] : [version];
  });
}

/** Retires what is retirable, and removes the files of what is retired; `swept` remembers what was done in this run. */
export async function retire(
  store: Store,
  { track: id }: Track,
  pins: Pins | null,
  nowMs: EpochMs,
  swept: Set<string>,
): Promise<Result<void, StoreFaultCode>> {
  const retired = await store.commit<void, never>(byRegistry, (state) => {
    const versions = retirable(state, state.tracks.get(id) as Track, pins, nowMs);
    return ok({
      events: versions.map((version) => ({ kind: 'releaseRetired', track: id, version })),
      value: undefined,
    });
  });
  if (!retired.ok) return retired;
  const { releases } = (store.state().tracks.get(id) as Track).releasing;
  // An import brings files back; when it is retired again, they go again.
  for (const release of releases) if (!release.retired) swept.delete(`${id}/${release.version}`);
  const gone = releases.filter((release) => release.retired && !swept.has(`${id}/${release.version}`));
  if (gone.length === 0) return ok(undefined);
  const kept = digestsInUse(store.state());
  for (const { version, manifest } of gone) {
    for (const { name, digest } of manifest.files) {
      if (heavy.has(name) && !kept.has(digest)) await store.blobs.remove(digest);
    }
    swept.add(`${id}/${version}`);
  }
  return ok(undefined);
}

/** Two versions may be the same bytes: what one no longer needs, another may. */
function digestsInUse({ tracks }: State): ReadonlySet<Digest> {
  const kept = new Set<Digest>();
  for (const { releasing } of tracks.values()) {
    for (const { retired, manifest } of releasing.releases) {
      if (!retired) for (const { digest } of manifest.files) kept.add(digest);
    }
  }
  return kept;
}
