import type { EpochMs } from '../../../base/time.ts';
import type { ClusterId, TrackId } from '../../../proto/ids.ts';
import type { Catalogue, Pins } from '../../../proto/release/documents/catalogue.ts';
import { type Resolution, resolvePins, resolveRelease } from '../../../proto/release/resolve.ts';
import type { Actor, JournalEvent } from '../../ledger/journal/events.ts';
import { foldEntry } from '../../ledger/state/fold.ts';
import { copyState } from '../../ledger/state/mutable-state.ts';
import type { Cluster, State } from '../../ledger/state/state.ts';
import { catalogueOf } from './catalogue-of.ts';

/** What a change does to one cluster; versions are null where it runs none. */
export type Effect = Readonly<{
  cluster: ClusterId;
  track: TrackId;
  before: number | null;
  after: number | null;
  /** What runs beside it without counting. */
  shadowBefore: number | null;
  shadowAfter: number | null;
  /** For people: the pin or channel that decides after the change, or why nothing does. */
  because: string;
  /** Pins in force for it that cannot be followed after the change. */
  passedOver: Resolution['overruled'];
}>;

export const noPins: Pins = { version: 0, expiresAtMs: 0, pins: [] };

/** The state after events that were not written: what a change would bring. */
export function stateAfter(state: State, actor: Actor, atMs: EpochMs, events: readonly JournalEvent[]): State {
  const after = copyState(state);
  for (const event of events) {
    foldEntry(after, { seq: after.seq + 1, epoch: 0, chain: '', atMs, actor, event });
  }
  return after;
}

type World = Readonly<{ state: State; pins: Pins }>;

/** Clusters for which anything differs between two worlds, of one track or of all. */
export function effectsOf(before: World, after: World, nowMs: EpochMs, only?: TrackId): readonly Effect[] {
  return effects(before, after, nowMs, only).filter(
    (effect) => effect.before !== effect.after || effect.shadowBefore !== effect.shadowAfter,
  );
}

/** What each enrolled cluster should run. */
export function resolvedIn(world: World, nowMs: EpochMs, track: TrackId): readonly Effect[] {
  return effects(world, world, nowMs, track);
}

function effects(before: World, after: World, nowMs: EpochMs, only: TrackId | undefined): Effect[] {
  const tracks = only === undefined ? [...after.state.tracks.keys()] : [only];
  const catalogues = [before, after].map(({ state }) => catalogueOf(state, 1, nowMs)) as [Catalogue, Catalogue];
  const members = [...after.state.clusters.values()]
    .filter(({ status }) => status === 'enrolled')
    .sort((a, b) => (a.cluster < b.cluster ? -1 : 1));
  return tracks.flatMap((track) =>
    members.map((member): Effect => {
      const was = resolveRelease(member, track, catalogues[0], before.pins, nowMs);
      const is = resolveRelease(member, track, catalogues[1], after.pins, nowMs);
      return {
        cluster: member.cluster,
        track,
        before: was.ok ? was.value.live.version : null,
        after: is.ok ? is.value.live.version : null,
        shadowBefore: was.ok ? (was.value.shadow?.target.version ?? null) : null,
        shadowAfter: is.ok ? (is.value.shadow?.target.version ?? null) : null,
        because: is.ok ? because(is.value, member) : is.fault.message,
        passedOver: is.ok ? is.value.overruled : resolvePins(member, track, catalogues[1], after.pins, nowMs).overruled,
      };
    }),
  );
}

function because({ because: why, overruled }: Resolution, { cluster }: Cluster): string {
  const passed = overruled.map(({ pin, why: code }) => `; pin ${pin.pinId} cannot be followed (${code})`).join('');
  if (why.kind === 'channel') return `channel ${why.channel}${passed}`;
  const { subject, pinId } = why.pin;
  const whom = 'cluster' in subject ? cluster : `${subject.label.key}=${subject.label.value}`;
  return `pin ${pinId} for ${whom}${passed}`;
}
