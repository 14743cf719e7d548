import { ok, type Result, refuse } from '../../../base/fault.ts';
import type { Timers } from '../../../base/time.ts';
import type { SigningKeyPair } from '../../../proto/envelope/crypto/keys.ts';
import { sealedLength } from '../../../proto/envelope/format.ts';
import type { UpdateHeader } from '../../../proto/envelope/header.ts';
import { signReceipt } from '../../../proto/envelope/receipt.ts';
import { receiptToWire } from '../../../proto/envelope/wire.ts';
import type { Receipt } from '../../../proto/generated/testudo/v1/common.ts';
import type {
  SubmitUpdateRequest,
  UploadStatusRequest,
  UploadStatusResponse,
  UpdateHeader as WireHeader,
} from '../../../proto/generated/testudo/v1/federation.ts';
import { type ClusterId, isDigest, isRoundId, isTrackId } from '../../../proto/ids.ts';
import { type PaceRules, patienceMs } from '../../access/pace.ts';
import type { Upload } from '../../blobs/blob-store.ts';
import type { Metrics } from '../../observability/metrics.ts';
import type { RoundTraces } from '../../observability/round-traces.ts';
import type { Engine } from '../../rounds/engine.ts';
import type { ReceiptData } from '../../rounds/update-desk.ts';
import { releaseChunk } from '../chunk-in-place.ts';
import type { MessageReader } from '../message-reader.ts';
import { malformed } from '../service.ts';
import type { UploadFaultCode } from '../upload-faults.ts';
import { about, checkSignedHeader, type SignedHeader } from './check-header.ts';
import type { UploadGate } from './upload-gate.ts';

export type UpdateIntakeParts = Readonly<{
  engine: Engine;
  gate: UploadGate;
  pace: PaceRules;
  receiptKey: SigningKeyPair;
  metrics: Pick<Metrics, 'updateAccepted' | 'updateRefused' | 'payloadBytes'>;
  traces: RoundTraces;
  timers: Timers;
}>;

/** Its next message, however it comes. */
type Messages = Pick<MessageReader<SubmitUpdateRequest | typeof malformed>, 'next'>;
type Outcome<Value> = Promise<Result<Value, UploadFaultCode>>;

/**
 * Takes one update in: checks everything that can be checked before a byte of it is opened, keeps the sealed bytes, and
 * signs the receipt only when bytes and acceptance are on disk (I1).
 */
export class UpdateIntake {
  readonly #parts: UpdateIntakeParts;

  constructor(parts: UpdateIntakeParts) {
    this.#parts = parts;
  }

  /** One SubmitUpdate stream of an authenticated cluster. */
  async submit(peer: ClusterId, messages: Messages, signal: AbortSignal): Outcome<Receipt> {
    const outcome = await this.#submit(peer, messages, signal);
    if (outcome.ok) this.#parts.metrics.updateAccepted();
    else this.#parts.metrics.updateRefused(outcome.fault.code);
    return outcome;
  }

  /** How much of an update is here, with the receipt where all of it is. */
  async status(
    cluster: ClusterId,
    request: UploadStatusRequest,
  ): Promise<Result<UploadStatusResponse, 'REQUEST_INVALID' | 'TRACK_NOT_FOUND'>> {
    const { engine } = this.#parts;
    const { track, round, payloadDigest: digest } = request;
    if (!isTrackId(track) || !isRoundId(round) || !isDigest(digest)) {
      return refuse('REQUEST_INVALID', 'track, round and payload_digest must be ids of their kinds');
    }
    const known = engine.state().tracks.get(track);
    if (known === undefined) return refuse('TRACK_NOT_FOUND', `there is no track ${track}`);
    const bytes = sealedLength(known.modelBytes);
    const receipt = engine.receiptOf(cluster, track, round, digest);
    if (receipt !== undefined) return ok({ receivedBytes: BigInt(bytes), receipt: this.signed(receipt) });
    const received = await engine.blobs.uploadedBytes({ track, round, cluster, digest, bytes });
    return ok({ receivedBytes: BigInt(received), receipt: undefined });
  }

  signed(receipt: ReceiptData): Receipt {
    const { payloadDigest: payload, ...rest } = receipt;
    const content = { ...rest, payload };
    return receiptToWire(content, signReceipt(content, this.#parts.receiptKey));
  }

  async #submit(peer: ClusterId, messages: Messages, signal: AbortSignal): Outcome<Receipt> {
    const first = await readPart(messages, this.#parts.pace.idleMsMax);
    if (!first.ok) return first;
    if (first.value?.$case !== 'header') {
      return refuse('HEADER_MISSING', 'the first message of an update must be its header');
    }
    const signed = this.#checkSigner(peer, first.value.value);
    if (!signed.ok) return signed;
    const taken = await this.#take(peer, signed.value, messages, signal);
    if (taken.ok) return taken;
    return { ok: false, fault: { ...taken.fault, fields: { ...taken.fault.fields, ...about(signed.value.header) } } };
  }

  async #take(peer: ClusterId, signed: SignedHeader, messages: Messages, signal: AbortSignal): Outcome<Receipt> {
    const { engine, gate } = this.#parts;
    const { header, signature } = signed;
    const checked = engine.checkUpdate(header);
    if (!checked.ok) return checked;
    if (checked.value.kind === 'alreadyAccepted') return ok(this.signed(checked.value.receipt));

    const round = `${header.track}/${header.round}`;
    const entered = await gate.enter({ peer, round, payload: header.payload }, signal);
    if (!entered.ok) return entered;
    try {
      const stored = await this.#store(peer, signed, messages);
      if (!stored.ok) return stored;
    } finally {
      entered.value();
    }
    const accepted = await engine.acceptUpdate(header, signature);
    if (!accepted.ok) return accepted;
    this.#parts.traces.updateAccepted(round);
    return ok(this.signed(accepted.value));
  }

  #checkSigner(peer: ClusterId, message: WireHeader): Result<SignedHeader, UploadFaultCode> {
    const { engine } = this.#parts;
    const member = engine.state().clusters.get(peer);
    if (member === undefined) return refuse('CLUSTER_NOT_ENROLLED', `cluster ${peer} is not a member`);
    const signingKey = Buffer.from(member.signingKey, 'base64');
    return checkSignedHeader(message, { federation: engine.federation, cluster: peer, signingKey });
  }

  /** Brings the sealed bytes to disk: all of them, with the digest that was signed. */
  async #store(peer: ClusterId, { header, resumeOffset }: SignedHeader, messages: Messages): Outcome<void> {
    const { track, round, payload: digest, payloadBytes: bytes } = header;
    const opened = await this.#parts.engine.blobs.openUpload({ track, round, cluster: peer, digest, bytes });
    if (!opened.ok) return opened;
    const upload = opened.value;
    try {
      if (upload.received !== resumeOffset) {
        return refuse(
          'OFFSET_MISMATCH',
          `the stream starts at byte ${resumeOffset}, ${upload.received} are here already`,
        );
      }
      const received = await this.#receive(upload, header, messages);
      if (!received.ok) return received;
      const finished = await upload.finish();
      return finished.ok ? ok(undefined) : finished;
    } finally {
      await upload.release();
    }
  }

  async #receive(upload: Upload, { payloadBytes }: UpdateHeader, messages: Messages): Outcome<void> {
    const { pace, metrics, timers } = this.#parts;
    const startedAtMs = timers.monotonicMs();
    const startedFrom = upload.received;
    // One message in hand, the next not asked for before it is written: that is the back-pressure.
    for (;;) {
      const patience = patienceMs(pace, upload.received - startedFrom, timers.monotonicMs() - startedAtMs);
      const part = await readPart(messages, patience);
      if (!part.ok) return part;
      if (part.value === undefined) break;
      if (part.value.$case === 'header')
        return refuse('HEADER_MISSING', 'an update has one header, and it comes first');
      const chunk = part.value.value;
      if (upload.received + chunk.byteLength > payloadBytes) {
        return refuse('LENGTH_MISMATCH', `more than the ${payloadBytes} bytes that the header declares`);
      }
      const written = await upload.write(chunk);
      if (!written.ok) return written;
      metrics.payloadBytes('in', chunk.byteLength);
      releaseChunk(chunk);
    }
    if (upload.received === payloadBytes) return ok(undefined);
    return refuse('PAYLOAD_TRUNCATED', `the stream ended after ${upload.received} of ${payloadBytes} bytes; resume it`);
  }
}

/** The next part; undefined at the end of the stream. */
async function readPart(messages: Messages, patience: number): Outcome<SubmitUpdateRequest['part']> {
  const read = await messages.next(patience);
  switch (read.kind) {
    case 'end':
      return ok(undefined);
    case 'tooSlow':
      return refuse('PEER_TOO_SLOW', 'no message, or too few bytes, for too long; what came is kept: resume');
    case 'aborted':
      return refuse('CALL_CANCELLED', 'the stream was cut; what came is kept');
    case 'message':
      if (read.message === malformed) return refuse('MESSAGE_MALFORMED', 'a message of the stream does not decode');
      if (read.message.part === undefined) return refuse('MESSAGE_MALFORMED', 'a message holds no header and no chunk');
      return ok(read.message.part);
  }
}
