import { type Fault, ok, type Result, refuse } from '../../../base/fault.ts';
import type { Timers } from '../../../base/time.ts';
import { sealedLength } from '../../../proto/envelope/format.ts';
import type { UpdateHeader } from '../../../proto/envelope/header.ts';
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
import { releaseChunk } from '../chunk-in-place.ts';
import type { MessageReader } from '../message-reader.ts';
import { malformed } from '../service.ts';
import type { UploadFaultCode } from '../upload-faults.ts';
import { about, checkSignedHeader, type SignedHeader } from './check-header.ts';
import type { Checked, IntakeDesk, Sender } from './intake-desk.ts';
import type { UploadGate } from './upload-gate.ts';

export type UpdateIntakeParts = Readonly<{
  desk: IntakeDesk;
  gate: UploadGate;
  pace: PaceRules;
  metrics: Pick<Metrics, 'updateAccepted' | 'updateRefused' | 'payloadBytes'>;
  timers: Timers;
}>;

/** Its next message, however it comes. */
type Messages = Pick<MessageReader<SubmitUpdateRequest | typeof malformed>, 'next'>;
type Outcome<Value> = Promise<Result<Value, UploadFaultCode>>;

/**
 * Takes one update in: checks everything that can be checked before a byte of it is opened, keeps the sealed bytes, and
 * has the receipt only when bytes and acceptance are on disk (I1).
 */
export class UpdateIntake {
  readonly #parts: UpdateIntakeParts;

  constructor(parts: UpdateIntakeParts) {
    this.#parts = parts;
  }

  /** One SubmitUpdate stream of an authenticated cluster. */
  async submit(peer: ClusterId, messages: Messages, sender: Sender): Outcome<Receipt> {
    const outcome = await this.#submit(peer, messages, sender);
    if (outcome.ok) this.#parts.metrics.updateAccepted();
    else this.#parts.metrics.updateRefused(outcome.fault.code);
    return outcome;
  }

  /** An update whose bytes a door has stored; what it found out itself is found out again. */
  async acceptStored(peer: ClusterId, message: WireHeader | undefined, sender: Sender): Outcome<Receipt> {
    const outcome = await this.#acceptStored(peer, message, sender);
    if (outcome.ok) this.#parts.metrics.updateAccepted();
    else this.#parts.metrics.updateRefused(outcome.fault.code);
    return outcome;
  }

  /** How much of an update is here, with the receipt where all of it is. */
  async status(
    cluster: ClusterId,
    request: UploadStatusRequest,
    sender: Sender,
  ): Promise<Result<UploadStatusResponse, UploadFaultCode | 'REQUEST_INVALID'>> {
    const { desk } = this.#parts;
    const { track, round, payloadDigest: digest } = request;
    if (!isTrackId(track) || !isRoundId(round) || !isDigest(digest)) {
      return refuse('REQUEST_INVALID', 'track, round and payload_digest must be ids of their kinds');
    }
    const trackNow = () => desk.state().tracks.get(track);
    const known = trackNow() ?? ((await desk.catchUp?.()) ? trackNow() : undefined);
    if (known === undefined) return refuse('TRACK_NOT_FOUND', `there is no track ${track}`);
    const bytes = sealedLength(known.modelBytes);
    const receipt = await desk.receiptOf({ cluster, track, round, digest }, sender);
    if (!receipt.ok) return receipt;
    if (receipt.value !== undefined) return ok({ receivedBytes: BigInt(bytes), receipt: receipt.value });
    const received = await desk.blobs.uploadedBytes({ track, round, cluster, digest, bytes });
    return ok({ receivedBytes: BigInt(received), receipt: undefined });
  }

  async #submit(peer: ClusterId, messages: Messages, sender: Sender): Outcome<Receipt> {
    const first = await readPart(messages, this.#parts.pace.idleMsMax);
    if (!first.ok) return first;
    if (first.value?.$case !== 'header') {
      return refuse('HEADER_MISSING', 'the first message of an update must be its header');
    }
    const asked = await this.#check(peer, first.value.value);
    if (!asked.ok) return asked;
    const { signed, checked } = asked.value;
    const taken = checked.ok ? await this.#take(peer, signed, checked.value, messages, sender) : checked;
    if (taken.ok) return taken;
    return { ok: false, fault: { ...taken.fault, fields: { ...taken.fault.fields, ...about(signed.header) } } };
  }

  async #take(
    peer: ClusterId,
    signed: SignedHeader,
    checked: Checked,
    messages: Messages,
    sender: Sender,
  ): Outcome<Receipt> {
    const { desk, gate } = this.#parts;
    const { header } = signed;
    if (checked.kind === 'accepted') return checked.receipt ? ok(checked.receipt) : desk.accept(signed, sender);

    const round = `${header.track}/${header.round}`;
    const entered = await gate.enter({ peer, round, payload: header.payload }, sender.signal);
    if (!entered.ok) return entered;
    try {
      const stored = await this.#store(peer, signed, messages);
      if (!stored.ok && !(await this.#isAcceptedMeanwhile(header, stored.fault))) {
        const now = desk.check(header); // The end of its round, which drops what is unfinished, says more than what that broke.
        return now.ok ? stored : now;
      }
    } finally {
      entered.value();
    }
    return desk.accept(signed, sender);
  }

  /** Where the state is another's, read along, it may have been accepted before this call began: then all of it is here, and the receipt waits. */
  async #isAcceptedMeanwhile(header: UpdateHeader, { code }: Fault): Promise<boolean> {
    const { desk } = this.#parts;
    if (code !== 'OFFSET_MISMATCH' || !(await desk.catchUp?.())) return false;
    const now = desk.check(header);
    return now.ok && now.value.kind === 'accepted';
  }

  async #acceptStored(peer: ClusterId, message: WireHeader | undefined, sender: Sender): Outcome<Receipt> {
    const { desk } = this.#parts;
    if (message === undefined) return refuse('HEADER_MISSING', 'an update without its header');
    const asked = checkAgainst(desk, peer, message);
    if (!asked.ok) return asked;
    const { signed, checked } = asked.value;
    if (checked.ok && checked.value.kind === 'accepted' && checked.value.receipt) return ok(checked.value.receipt);
    const accepted = checked.ok ? await desk.accept(signed, sender) : checked;
    if (accepted.ok) return accepted;
    return { ok: false, fault: { ...accepted.fault, fields: { ...accepted.fault.fields, ...about(signed.header) } } };
  }

  /** Nobody is refused by what is older than the call. */
  async #check(peer: ClusterId, message: WireHeader) {
    const { desk } = this.#parts;
    const found = checkAgainst(desk, peer, message);
    if ((found.ok && found.value.checked.ok) || desk.catchUp === undefined) return found;
    if (await desk.catchUp()) return checkAgainst(desk, peer, message);
    return refuse('LEADER_AWAY', 'the journal cannot be read: whether the header is right is not known');
  }

  /** Brings the sealed bytes to disk: all of them, with the digest that was signed. */
  async #store(peer: ClusterId, { header, resumeOffset }: SignedHeader, messages: Messages): Outcome<void> {
    const { track, round, payload: digest, payloadBytes: bytes } = header;
    const opened = await this.#parts.desk.blobs.openUpload({ track, round, cluster: peer, digest, bytes });
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

/** Whether the peer has signed this header, and then what it may do as things stand. */
function checkAgainst(desk: Pick<IntakeDesk, 'federation' | 'state' | 'check'>, peer: ClusterId, message: WireHeader) {
  const member = desk.state().clusters.get(peer);
  if (member === undefined) return refuse('CLUSTER_NOT_ENROLLED', `cluster ${peer} is not a member`);
  const signingKey = Buffer.from(member.signingKey, 'base64');
  const signed = checkSignedHeader(message, { federation: desk.federation, cluster: peer, signingKey });
  return signed.ok ? ok({ signed: signed.value, checked: desk.check(signed.value.header) }) : signed;
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
