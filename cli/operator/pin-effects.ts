import type { Cluster } from '../../proto/generated/testudo/v1/operator.ts';
import { ClusterStatus } from '../../proto/generated/testudo/v1/operator.ts';
import type { ReleaseChange } from '../../proto/generated/testudo/v1/operator_releases.ts';
import { parseClusterId, type TrackId } from '../../proto/ids.ts';
import type { Catalogue, Pins } from '../../proto/release/documents/catalogue.ts';
import { type Member, resolveRelease } from '../../proto/release/resolve.ts';

/** What other pins would move, as the agents themselves will resolve it: nothing need be signed or sent to know. */
export function pinEffects(
  clusters: readonly Cluster[],
  track: TrackId | undefined,
  catalogue: Catalogue,
  before: Pins,
  after: Pins,
  nowMs: number,
): ReleaseChange {
  if (track === undefined) return { sequence: 0n, moves: [], movedCount: 0 };
  const moves = clusters.flatMap((cluster) => {
    if (cluster.status !== ClusterStatus.CLUSTER_STATUS_ENROLLED) return [];
    const labels = Object.fromEntries(cluster.labels.map(({ key, value }) => [key, value]));
    const member = { cluster: parseClusterId(cluster.name), labels };
    const [was, will] = [before, after].map((pins) => wanted(member, track, catalogue, pins, nowMs));
    if (was === undefined || will === undefined) return [];
    if (was.live === will.live && was.shadow === will.shadow) return [];
    return [
      {
        cluster: cluster.name,
        track,
        before: was.live,
        after: will.live,
        shadowBefore: was.shadow,
        shadowAfter: will.shadow,
        because: will.because,
      },
    ];
  });
  return { sequence: 0n, moves, movedCount: moves.length };
}

function wanted(member: Member, track: TrackId, catalogue: Catalogue, pins: Pins, nowMs: number) {
  const resolved = resolveRelease(member, track, catalogue, pins, nowMs);
  if (!resolved.ok) return { live: undefined, shadow: undefined, because: resolved.fault.code };
  const { live, shadow, because } = resolved.value;
  return {
    live: BigInt(live.version),
    shadow: shadow === null ? undefined : BigInt(shadow.target.version),
    because: because.kind === 'pin' ? `pin ${because.pin.pinId}` : `channel ${because.channel}`,
  };
}
