import { failpoint } from '../../base/failpoint.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';
import type { EpochMs } from '../../base/time.ts';
import { sealedLength } from '../../proto/envelope/format.ts';
import type { ClusterId, Digest, FederationId, RoundId, TrackId } from '../../proto/ids.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Round, State, Track } from '../ledger/state/state.ts';
import type { StoreFaultCode } from '../ledger/store.ts';
import { checkContent, checkOrigin } from '../round/check-header.ts';
import type { RoundFaultCode } from '../round/faults.ts';
import type { RoundEvent, UpdateHeader } from '../round/phase.ts';
import { joinNext } from './directives.ts';
import { stepsOf } from './events.ts';

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
  clock: () => EpochMs;
}>;

/** Where updates are checked, accepted and receipted. */
export class UpdateDesk {
  #parts: UpdateDeskParts;

  constructor(parts: UpdateDeskParts) {
    this.#parts = parts;
  }

  /**
   * What may be said before the payload is read: is this cluster (the TLS peer, whose signature over the header has
   * been checked) in the cohort of that round, do base, schema and length fit, is there an earlier update?
   */
  check(peer: ClusterId, header: UpdateHeader): Result<UpdateCheck, RoundFaultCode> {
    const found = this.#find(this.#parts.ledger.state, peer, header);
    if (!found.ok) return found;
    const { track, round } = found.value;
    const receipt = receiptOf(this.#parts.federation, round, peer, header.payloadDigest);
    if (receipt !== undefined) return ok({ kind: 'alreadyAccepted', receipt });
    const steps = stepsOf(round, [arrival(header, '', this.#parts.clock())]);
    if (!steps.ok) return withNext(steps, track, round);
    const content = checkContent(header, contentRules(track));
    return content.ok ? ok({ kind: 'upload', payloadBytes: header.payloadBytes }) : content;
  }

  /**
   * The payload lies in the blob store under the digest that the header names. Journals the acceptance; the receipt comes
   * back once it is durable. The same digest again gives the same receipt, another one UPDATE_CONFLICT and an alarm.
   */
  async accept(
    peer: ClusterId,
    header: UpdateHeader,
    signature: Uint8Array,
  ): Promise<Result<ReceiptData, RoundFaultCode | StoreFaultCode | 'PAYLOAD_MISSING'>> {
    failpoint('update-stored');
    const size = await this.#parts.blobs.size(header.payloadDigest as Digest);
    if (!size.ok || size.value !== header.payloadBytes) {
      return refuse('PAYLOAD_MISSING', 'the payload is not stored whole; upload it first');
    }
    const accepted = await this.#parts.ledger.commit({ kind: 'cluster', cluster: peer }, (state, atMs) => {
      const found = this.#find(state, peer, header);
      if (!found.ok) return found;
      const { track, round } = found.value;
      const steps = stepsOf(round, [arrival(header, Buffer.from(signature).toString('base64'), atMs)]);
      if (!steps.ok) return withNext(steps, track, round);
      const content = checkContent(header, contentRules(track));
      return content.ok ? ok({ events: steps.value, value: undefined }) : content;
    });
    if (!accepted.ok) {
      await this.#dropUnlessCounted(header.payloadDigest as Digest);
      return accepted;
    }
    failpoint('update-journalled');
    const round = this.#parts.ledger.state.tracks.get(header.track as TrackId)?.rounds.get(header.round as RoundId);
    const receipt = round && receiptOf(this.#parts.federation, round, peer, header.payloadDigest);
    if (receipt === undefined) throw new Error(`an accepted update of ${peer} in ${header.round} has no receipt`);
    return ok(receipt);
  }

  /** The receipt of an update accepted earlier, for UploadStatus. */
  receiptOf(peer: ClusterId, track: TrackId, round: RoundId, payloadDigest: Digest): ReceiptData | undefined {
    const known = this.#parts.ledger.state.tracks.get(track)?.rounds.get(round);
    return known && receiptOf(this.#parts.federation, known, peer, payloadDigest);
  }

  /** Who and where, in the order in which an update is checked. */
  #find(state: State, peer: ClusterId, header: UpdateHeader): Result<{ track: Track; round: Round }, RoundFaultCode> {
    const origin = checkOrigin(peer, this.#parts.federation, header);
    if (!origin.ok) return origin;
    const cluster = state.clusters.get(peer);
    if (cluster === undefined || cluster.status !== 'enrolled') {
      return refuse('CLUSTER_NOT_ENROLLED', `cluster ${peer} is not a member, or not any more; enrol it again`);
    }
    const track = state.tracks.get(header.track as TrackId);
    if (track === undefined) return refuse('TRACK_NOT_FOUND', 'the header names a track that does not exist');
    const round = track.rounds.get(header.round as RoundId);
    if (round !== undefined) return ok({ track, round });
    const number = Number(/^r-(\d{1,12})$/.exec(header.round)?.[1] ?? Number.NaN);
    if (!(number <= track.roundCount)) return refuse('ROUND_NOT_FOUND', 'the header names a round that does not exist');
    const joins = joinNext(track, header.round as RoundId);
    return refuse('ROUND_CLOSED', 'this round ended long ago; join the next one', joins ? { joinNext: joins } : {});
  }

  /** A refused update's bytes are of no use, unless they are another's that counts. */
  async #dropUnlessCounted(digest: Digest): Promise<void> {
    for (const { rounds } of this.#parts.ledger.tentative.tracks.values()) {
      for (const { phase } of rounds.values()) {
        if ('accepted' in phase && phase.accepted.some(({ payloadDigest }) => payloadDigest === digest)) return;
      }
    }
    await this.#parts.blobs.remove(digest);
  }
}

function contentRules({ schemaDigest: digest, modelBytes }: Track) {
  return { schemaDigest: digest, plainBytes: modelBytes, payloadBytes: sealedLength(modelBytes) };
}

function arrival(header: UpdateHeader, signature: string, atMs: EpochMs): RoundEvent {
  return {
    kind: 'updateArrived',
    atMs,
    update: {
      cluster: header.cluster as ClusterId,
      payloadDigest: header.payloadDigest as Digest,
      payloadBytes: header.payloadBytes,
      baseDigest: header.baseDigest as Digest,
      exampleCount: header.exampleCount,
      signature,
    },
  };
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
  payloadDigest: string,
): ReceiptData | undefined {
  if (!('accepted' in phase)) return undefined;
  const index = phase.accepted.findIndex((update) => update.cluster === cluster);
  const accepted = phase.accepted[index];
  const sequence = sequences[index];
  if (accepted === undefined || sequence === undefined || accepted.payloadDigest !== payloadDigest) return undefined;
  const { acceptedAtMs } = accepted;
  return { federation, track, round, cluster, payloadDigest: accepted.payloadDigest, sequence, acceptedAtMs };
}
