import type { ClusterId, Digest } from '../../proto/ids.ts';
import { GrowingList, type ListOf } from './growing-list.ts';
import type { Accepted } from './phase.ts';

/** Places of updates by cluster and by payload, as far as they were looked through. */
type Places = { readonly byCluster: Map<ClusterId, number>; readonly byDigest: Map<Digest, number>; count: number };

/** Of the values that lists share, beside them: a round's phase stays plain data, stored and read back as it is. */
const known = new WeakMap<Iterable<Accepted>, Places>();

/** The update that a cluster has in this round; undefined for none. As quick in a long list as in a short one. */
export function updateOf(accepted: ListOf<Accepted>, cluster: ClusterId): Accepted | undefined {
  const at = indexOfCluster(accepted, cluster);
  return at === -1 ? undefined : accepted.at(at);
}

/** Its place in the list; -1 for none. */
export function indexOfCluster(accepted: ListOf<Accepted>, cluster: ClusterId): number {
  return within(accepted, placesOf(accepted).byCluster.get(cluster));
}

/** Whether these very bytes were accepted, whoever sent them. */
export function hasPayload(accepted: ListOf<Accepted>, digest: Digest): boolean {
  return within(accepted, placesOf(accepted).byDigest.get(digest)) !== -1;
}

/** A list with one update more, of a cluster and with a payload that are not in it yet. The list itself stays as it is. */
export function withUpdate(accepted: ListOf<Accepted>, update: Accepted): ListOf<Accepted> {
  return GrowingList.of(accepted).with(update, isSame);
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

/** Lists that grew from one another share their places, for each cluster and each payload stands once in what they share. */
function placesOf(accepted: ListOf<Accepted>): Places {
  const values = accepted instanceof GrowingList ? (accepted.shared as readonly Accepted[]) : accepted;
  const places: Places = known.get(values) ?? { byCluster: new Map(), byDigest: new Map(), count: 0 };
  if (places.count === 0) known.set(values, places);
  for (; places.count < values.length; places.count++) {
    const { cluster, payloadDigest } = values.at(places.count) as Accepted;
    places.byCluster.set(cluster, places.count);
    places.byDigest.set(payloadDigest, places.count);
  }
  return places;
}

/** Places beyond a list's end are those of lists that went on from it. */
function within(accepted: ListOf<Accepted>, at: number | undefined): number {
  return at === undefined || at >= accepted.length ? -1 : at;
}
