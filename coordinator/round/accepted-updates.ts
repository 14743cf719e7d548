import type { ClusterId, Digest } from '../../proto/ids.ts';
import type { Accepted } from './phase.ts';

/**
 * Places of a list's updates by cluster and by payload. Lists that grew from one another share one: each knows the mark of its
 * last update, and where the marks no longer agree another list has gone on from an earlier place in its stead.
 */
type Places = {
  readonly updates: Accepted[];
  readonly marks: symbol[];
  readonly byCluster: Map<ClusterId, number>;
  readonly byDigest: Map<Digest, number>;
  /** The list that was made last. */
  last?: readonly Accepted[];
};

/** Beside lists, not in them: a round's phase stays plain data, stored and read back as it is. */
const known = new WeakMap<readonly Accepted[], Readonly<{ places: Places; mark: symbol | undefined }>>();

/** The update that a cluster has in this round; undefined for none. As quick in a long list as in a short one. */
export function updateOf(accepted: readonly Accepted[], cluster: ClusterId): Accepted | undefined {
  return accepted[indexOfCluster(accepted, cluster)];
}

/** Its place in the list; -1 for none. */
export function indexOfCluster(accepted: readonly Accepted[], cluster: ClusterId): number {
  return within(accepted, placesOf(accepted).byCluster.get(cluster));
}

/** Whether these very bytes were accepted, whoever sent them. */
export function hasPayload(accepted: readonly Accepted[], digest: Digest): boolean {
  return within(accepted, placesOf(accepted).byDigest.get(digest)) !== -1;
}

/** A list with one update more, of a cluster and with a payload that are not in it yet. The list itself stays as it is. */
export function withUpdate(accepted: readonly Accepted[], update: Accepted): readonly Accepted[] {
  const places = placesOf(accepted);
  const { updates, marks, byCluster, byDigest, last } = places;
  const at = accepted.length;
  const there = updates[at];
  if (there !== undefined && isSame(there, update)) {
    // What was decided is folded right after, by the same step: that needs no second copy.
    if (last?.length === at + 1) return last;
  } else {
    for (const { cluster, payloadDigest } of updates.splice(at)) {
      byCluster.delete(cluster);
      byDigest.delete(payloadDigest);
    }
    marks.splice(at);
    place(places, update);
  }
  const longer = [...accepted, update];
  known.set(longer, { places, mark: marks[at] });
  places.last = longer;
  return longer;
}

function isSame(one: Accepted, other: Accepted): boolean {
  return (
    one.cluster === other.cluster &&
    one.payloadDigest === other.payloadDigest &&
    one.acceptedAtMs === other.acceptedAtMs &&
    one.signature === other.signature
  );
}

/** Whether a cluster is one of a cohort, which is sorted. */
export function isInCohort(cohort: readonly ClusterId[], cluster: ClusterId): boolean {
  let [low, high] = [0, cohort.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((cohort[middle] as ClusterId) < cluster) low = middle + 1;
    else high = middle;
  }
  return cohort[low] === cluster;
}

function placesOf(accepted: readonly Accepted[]): Places {
  const shared = known.get(accepted);
  if (shared !== undefined && (accepted.length === 0 || shared.places.marks[accepted.length - 1] === shared.mark)) {
    return shared.places;
  }
  const places: Places = { updates: [], marks: [], byCluster: new Map(), byDigest: new Map() };
  for (const update of accepted) place(places, update);
  known.set(accepted, { places, mark: places.marks.at(-1) });
  return places;
}

function place({ updates, marks, byCluster, byDigest }: Places, update: Accepted): void {
  byCluster.set(update.cluster, updates.length);
  byDigest.set(update.payloadDigest, updates.length);
  updates.push(update);
  marks.push(Symbol());
}

/** Places beyond a list's end are those of lists that went on from it. */
function within(accepted: readonly Accepted[], at: number | undefined): number {
  return at === undefined || at >= accepted.length ? -1 : at;
}
