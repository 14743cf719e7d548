import { ok, type Result, refuse } from '../../base/fault.ts';
import { instantText } from '../../base/text/instant-text.ts';
import type { EpochMs } from '../../base/time.ts';
import { type Antibody, antibodiesMax, lifetimeDaysMax, readAntibody } from '../../proto/antibody.ts';
import { digestOf } from '../../proto/digest.ts';
import { type FederationId, isDigest, type TrackId } from '../../proto/ids.ts';
import type { BlobFaultCode } from '../blobs/blob-store.ts';
import type { Actor, KnownAntibody } from '../ledger/journal/events.ts';
import { noTrack } from '../ledger/no-track.ts';
import { antibodiesInForce } from '../ledger/state/antibodies-in-force.ts';
import type { State, Track } from '../ledger/state/state.ts';
import type { Store } from '../ledger/store.ts';
import { checkId } from '../views/request.ts';
import { type Answer, checkTrackChange, type TrackChange } from './check.ts';
import { sequenceOf } from './sequence.ts';

const dayMs = 24 * 3_600_000;
/** That the clock of an antibody's maker may be ahead of ours. */
const clockDaysMax = 1;

type AntibodyStore = Pick<Store, 'state' | 'commit' | 'blobs' | 'federation'>;
type PutFaultCode = 'TRACK_NOT_FOUND' | 'ANTIBODY_INVALID' | 'ANTIBODIES_FULL';

/**
 * Puts an antibody in force: releases that are made from now on bring it along. Once more, it changes nothing. What is good
 * about it nobody here judges: every cluster tries it on what is normal there.
 */
export async function putAntibody(
  store: AntibodyStore,
  actor: Actor,
  { antibody: bytes, ...named }: TrackChange & Readonly<{ antibody: Uint8Array }>,
  nowMs: EpochMs,
): Answer<Readonly<{ antibody: KnownAntibody; sequence: number }>, PutFaultCode | BlobFaultCode> {
  const change = checkTrackChange(named);
  if (!change.ok) return change;
  const { track: id, reason } = change.value;
  const read = readAntibody(bytes);
  if (!read.ok) return read;
  const { family, cluster, examples, madeAtMs, expiresAtMs } = read.value;
  if (expiresAtMs <= nowMs) return refuse('ANTIBODY_INVALID', 'antibody: it has expired; make it again');
  // Clusters read what lasts longer, and an earlier build let it in; no clock of a maker is so wrong by accident.
  if (expiresAtMs > nowMs + (lifetimeDaysMax + clockDaysMax) * dayMs || madeAtMs > nowMs + clockDaysMax * dayMs) {
    const when = `made ${instantText(madeAtMs)}, to end ${instantText(expiresAtMs)}`;
    return refuse(
      'ANTIBODY_INVALID',
      `antibody: ${when}; expected one made before now that ends within ${lifetimeDaysMax} days: make it again, by a clock that is right`,
    );
  }
  const digest = digestOf(bytes);
  const fits = (state: State) => legal(store.federation, id, state, read.value);
  const first = fits(store.state());
  if (!first.ok) return first;
  const stored = await store.blobs.put(bytes);
  if (!stored.ok) return stored;
  const committed = await store.commit<undefined, PutFaultCode>(actor, (state) => {
    const track = fits(state);
    if (!track.ok) return track;
    const known = track.value.antibodies.some((one) => one.digest === digest && one.revoked === null);
    if (known) return ok({ events: [], value: undefined });
    const standing = antibodiesInForce(track.value.antibodies, nowMs).length;
    if (standing >= antibodiesMax) {
      return refuse(
        'ANTIBODIES_FULL',
        `${id} has ${standing} antibodies in force, as many as a release brings along; revoke one`,
      );
    }
    const put = { digest, bytes: bytes.byteLength, family, cluster, examples, expiresAtMs, reason };
    return ok({ events: [{ kind: 'antibodyPut', track: id, ...put }], value: undefined });
  });
  const sequence = sequenceOf(store, committed);
  if (!sequence.ok) return sequence;
  const antibodies = store.state().tracks.get(id)?.antibodies ?? [];
  return ok({
    antibody: antibodies.findLast((one) => one.digest === digest) as KnownAntibody,
    sequence: sequence.value,
  });
}

/** Takes an antibody out of the releases that follow; those that are out keep it until a later one is installed. */
export async function revokeAntibody(
  store: Pick<Store, 'state' | 'commit'>,
  actor: Actor,
  { digest: wanted, ...named }: TrackChange & Readonly<{ digest: string }>,
): Answer<Readonly<{ sequence: number }>, 'TRACK_NOT_FOUND' | 'ANTIBODY_UNKNOWN'> {
  const change = checkTrackChange(named);
  if (!change.ok) return change;
  const { track: id, reason } = change.value;
  const digest = checkId('digest', wanted, isDigest);
  if (!digest.ok) return digest;
  const committed = await store.commit<undefined, 'TRACK_NOT_FOUND' | 'ANTIBODY_UNKNOWN'>(actor, (state) => {
    const track = state.tracks.get(id);
    if (track === undefined) return noTrack(id, state);
    if (!track.antibodies.some((one) => one.digest === digest.value && one.revoked === null)) {
      return refuse('ANTIBODY_UNKNOWN', `${id} has no antibody ${digest.value} in force; list them`);
    }
    return ok({ events: [{ kind: 'antibodyRevoked', track: id, digest: digest.value, reason }], value: undefined });
  });
  const sequence = sequenceOf(store, committed);
  return sequence.ok ? ok({ sequence: sequence.value }) : sequence;
}

function legal(
  federation: FederationId,
  id: TrackId,
  state: State,
  antibody: Antibody,
): Result<Track, 'TRACK_NOT_FOUND' | 'ANTIBODY_INVALID'> {
  const track = state.tracks.get(id);
  if (track === undefined) return noTrack(id, state);
  if (antibody.federation !== federation || antibody.track !== id) {
    return refuse(
      'ANTIBODY_INVALID',
      `antibody: made for track ${antibody.track} of federation ${antibody.federation}; make one for this track`,
    );
  }
  return ok(track);
}
