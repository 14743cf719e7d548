import { failpoint } from '../../base/failpoint.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';
import type { EpochMs } from '../../base/time.ts';
import { classBlocksOf } from '../../proto/class-blocks.ts';
import { approvedClasses } from '../../proto/declared-classes.ts';
import type { UpdateHeader } from '../../proto/envelope/header.ts';
import {
  type ClusterId,
  type Digest,
  type FederationId,
  numberOfRound,
  type RoundId,
  type TrackId,
} from '../../proto/ids.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Round, State, Track } from '../ledger/state/state.ts';
import type { Decision, StoreFaultCode } from '../ledger/store.ts';
import { hasPayload, indexOfCluster } from '../round/accepted-updates.ts';
import { judgeArrival } from '../round/arrival.ts';
import { checkContent } from '../round/check-content.ts';
import type { RoundFaultCode } from '../round/faults.ts';
import type { RoundEvent } from '../round/phase.ts';
import { joinNext } from './directives.ts';
import { stepsOf } from './events.ts';
import type { PayloadHolds } from './payload-holds.ts';

/** What a receipt says; grpc/ signs it. The same update always gets the same receipt, to the byte. */
export type ReceiptData = Readonly<{
  federation: FederationId;
  track: TrackId;
  round: RoundId;
  cluster: ClusterId;
  payloadDigest: Digest;
  /** Position of the acceptance in the journal. */
  sequence: number;
  acceptedAtMs: EpochMs;
}>;

/** What a header may do before any byte of its payload is read. */
export type UpdateCheck = Readonly<
  { kind: 'upload'; payloadBytes: number } | { kind: 'alreadyAccepted'; receipt: ReceiptData }
>;

export type UpdateDeskParts = Readonly<{
  federation: FederationId;
  ledger: Ledger;
  blobs: BlobStore;
  holds: PayloadHolds;
  clock: () => EpochMs;
}>;

/** Where updates are checked, accepted and receipted. */
export class UpdateDesk {
  #parts: UpdateDeskParts;

  constructor(parts: UpdateDeskParts) {
    this.#parts = parts;
  }

  /**
   * What may be said before the payload is read: is the header's cluster in the cohort of that round, do base, schema and
   * length fit, is there an earlier update? Headers come checked and with their signature verified
   * (grpc/updates/check-header.ts): the cluster in one is the TLS peer, the federation is this one.
   */
  check(header: UpdateHeader): Result<UpdateCheck, RoundFaultCode> {
    return checkUpdate(this.#parts.ledger.state, header, this.#parts.clock());
  }

  /**
   * The payload lies in the blob store under the digest that the header names. Journals the acceptance; the receipt comes
   * back once it is durable. The same digest again gives the same receipt, another one UPDATE_CONFLICT and an alarm.
   */
  async accept(
    header: UpdateHeader,
    signature: Uint8Array,
    door?: string,
  ): Promise<Result<ReceiptData, RoundFaultCode | StoreFaultCode | 'PAYLOAD_MISSING'>> {
    failpoint('update-stored');
    let isRefused = false;
    const letGo = await this.#parts.holds.hold(header.payload);
    const accepted = await this.#journal(header, signature, door, () => {
      isRefused = true;
    }).finally(letGo);
    if (!accepted.ok) {
      // Only what a decision refused. After any other failure the acceptance may be on disk, or another coordinator may
      // have taken over and receipted these very bytes: a later start sweeps what turns out to count for nobody.
      if (isRefused) await this.#dropUnlessCounted(header.payload);
      return accepted;
    }
    failpoint('update-journalled');
    const round = this.#parts.ledger.state.tracks.get(header.track)?.rounds.get(header.round);
    const receipt = round && receiptOf(header.federation, round, header.cluster, header.payload);
    if (receipt === undefined)
      throw new Error(`an accepted update of ${header.cluster} in ${header.round} has no receipt`);
    return ok(receipt);
  }

  async #journal(header: UpdateHeader, signature: Uint8Array, door: string | undefined, onRefused: () => void) {
    const size = await this.#parts.blobs.size(header.payload);
    if (!size.ok || size.value !== header.payloadBytes) {
      return refuse('PAYLOAD_MISSING', 'the payload is not stored whole; upload it first');
    }
    const actor = { kind: 'cluster', cluster: header.cluster, ...(door !== undefined && { door }) } as const;
    return this.#parts.ledger.commit(actor, (state, atMs) => {
      const decided = decide(state, header, Buffer.from(signature).toString('base64'), atMs);
      if (!decided.ok) onRefused();
      return decided;
    });
  }

  /** The receipt of an update accepted earlier, for UploadStatus. */
  receiptOf(peer: ClusterId, track: TrackId, round: RoundId, payloadDigest: Digest): ReceiptData | undefined {
    const known = this.#parts.ledger.state.tracks.get(track)?.rounds.get(round);
    return known && receiptOf(this.#parts.federation, known, peer, payloadDigest);
  }

  /** A refused update's bytes are of no use, unless they are another's that counts. */
  async #dropUnlessCounted(digest: Digest): Promise<void> {
    const { ledger, blobs, holds } = this.#parts;
    await holds.remove(digest, blobs, () => isCounted(ledger.tentative, digest));
  }
}

function isCounted({ tracks }: State, digest: Digest): boolean {
  for (const { rounds } of tracks.values()) {
    for (const { phase } of rounds.values()) {
      if ('accepted' in phase && hasPayload(phase.accepted, digest)) return true;
    }
  }
  return false;
}

/** What a header may do in this state: also in that of a door, which reads the journal along. */
export function checkUpdate(state: State, header: UpdateHeader, nowMs: EpochMs): Result<UpdateCheck, RoundFaultCode> {
  const found = find(state, header);
  if (!found.ok) return found;
  const { track, round } = found.value;
  const receipt = receiptOf(header.federation, round, header.cluster, header.payload);
  if (receipt !== undefined) return ok({ kind: 'alreadyAccepted', receipt });
  const judged = judgeArrival(round.phase, arrival(header, '', nowMs), round.rules);
  if (!judged.ok) return withNext(judged, track, round);
  const content = contentOf(state, header, track);
  return content.ok ? ok({ kind: 'upload', payloadBytes: header.payloadBytes }) : content;
}

/** The events that accept an update, or why it is refused. */
function decide(
  state: State,
  header: UpdateHeader,
  signature: string,
  atMs: EpochMs,
): Result<Decision<undefined>, RoundFaultCode> {
  const found = find(state, header);
  if (!found.ok) return found;
  const { track, round } = found.value;
  const steps = stepsOf(round, [arrival(header, signature, atMs)]);
  if (!steps.ok) return withNext(steps, track, round);
  const content = contentOf(state, header, track);
  return content.ok ? ok({ events: steps.value, value: undefined }) : content;
}

function contentOf(state: State, header: UpdateHeader, { spec, schemaDigest, modelBytes }: Track) {
  const classes = classBlocksOf(spec)?.blocks.map(({ className }) => className);
  const approved = approvedClasses(state.clusters.get(header.cluster)?.labels ?? {});
  return checkContent(header, { schemaDigest, modelBytes, classes }, approved);
}

/** Who and where, in the order in which an update is checked. */
function find(state: State, header: UpdateHeader): Result<{ track: Track; round: Round }, RoundFaultCode> {
  const { cluster, track: trackId, round: roundId } = header;
  if (state.clusters.get(cluster)?.status !== 'enrolled') {
    return refuse('CLUSTER_NOT_ENROLLED', `cluster ${cluster} is not a member, or not any more; enrol it again`);
  }
  const track = state.tracks.get(trackId);
  if (track === undefined) return refuse('TRACK_NOT_FOUND', 'the header names a track that does not exist');
  const round = track.rounds.get(roundId);
  if (round !== undefined) return ok({ track, round });
  if (numberOfRound(roundId) > track.roundCount) {
    return refuse('ROUND_NOT_FOUND', 'the header names a round that does not exist');
  }
  const joins = joinNext(track, roundId);
  return refuse('ROUND_CLOSED', 'this round ended long ago; join the next one', joins ? { joinNext: joins } : {});
}

function arrival(header: UpdateHeader, signature: string, atMs: EpochMs) {
  const { cluster, payload: payloadDigest, payloadBytes, base: baseDigest, exampleCount, classes, provenance } = header;
  const update = {
    cluster,
    payloadDigest,
    payloadBytes,
    baseDigest,
    exampleCount,
    signature,
    ...(classes && { classes }),
    ...(provenance && { provenance }),
  };
  return { kind: 'updateArrived', atMs, update } as const satisfies RoundEvent;
}

/** A late update's refusal says where to go instead. */
function withNext<Refused extends { ok: false; fault: { code: RoundFaultCode } }>(
  refused: Refused,
  track: Track,
  { round }: Round,
): Refused {
  const joins = refused.fault.code === 'ROUND_CLOSED' ? joinNext(track, round) : null;
  return joins === null ? refused : { ...refused, fault: { ...refused.fault, fields: { joinNext: joins } } };
}

function receiptOf(
  federation: FederationId,
  { track, round, phase, sequences }: Round,
  cluster: ClusterId,
  payloadDigest: Digest,
): ReceiptData | undefined {
  if (!('accepted' in phase)) return undefined;
  const index = indexOfCluster(phase.accepted, cluster);
  if (index === -1) return undefined;
  const [accepted, sequence] = [phase.accepted.at(index), sequences.at(index)];
  if (accepted === undefined || sequence === undefined || accepted.payloadDigest !== payloadDigest) return undefined;
  const { acceptedAtMs } = accepted;
  return { federation, track, round, cluster, payloadDigest: accepted.payloadDigest, sequence, acceptedAtMs };
}
