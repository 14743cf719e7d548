import { ok, type Result } from '../../../base/fault.ts';
import type { SigningKeyPair } from '../../../proto/envelope/crypto/keys.ts';
import type { UpdateHeader } from '../../../proto/envelope/header.ts';
import { signReceipt } from '../../../proto/envelope/receipt.ts';
import { receiptToWire } from '../../../proto/envelope/wire.ts';
import type { Receipt } from '../../../proto/generated/testudo/v1/common.ts';
import type { ClusterId, Digest, FederationId, RoundId, TrackId } from '../../../proto/ids.ts';
import type { Call } from '../../access/access-control.ts';
import type { BlobStore } from '../../blobs/blob-store.ts';
import type { State } from '../../ledger/state/state.ts';
import type { RoundTraces } from '../../observability/round-traces.ts';
import type { RoundFaultCode } from '../../round/faults.ts';
import type { Engine } from '../../rounds/engine.ts';
import type { ReceiptData } from '../../rounds/update-desk.ts';
import type { UploadFaultCode } from '../upload-faults.ts';
import type { SignedHeader } from './check-header.ts';

/** How whoever sends an update was let in. */
export type Sender = Pick<Call<'cluster'>, 'signal'> &
  Partial<Pick<Call<'cluster'>, 'certificate' | 'address' | 'door'>>;

/** `accepted`: the receipt is there already, where it can be signed here. */
export type Checked = Readonly<{ kind: 'upload' } | { kind: 'accepted'; receipt?: Receipt }>;

/** Which update a receipt is asked for. */
export type Sent = Readonly<{ cluster: ClusterId; track: TrackId; round: RoundId; digest: Digest }>;

/** Where what an intake brings in is decided: here, or at the coordinator that a door stands in front of. */
export type IntakeDesk = Readonly<{
  federation: FederationId;
  state(): Pick<State, 'clusters' | 'tracks'>;
  blobs: Pick<BlobStore, 'openUpload' | 'uploadedBytes'>;
  /** What the header may do, before any byte of its payload is read. */
  check(header: UpdateHeader): Result<Checked, RoundFaultCode>;
  /** The payload is stored under its digest. */
  accept(signed: SignedHeader, sender: Sender): Promise<Result<Receipt, UploadFaultCode>>;
  /** The receipt of an update accepted earlier. */
  receiptOf(sent: Sent, sender: Sender): Promise<Result<Receipt | undefined, UploadFaultCode>>;
  /** Where the state is another's, read along: as in AccessControl. */
  catchUp?: () => Promise<boolean>;
}>;

type EngineDeskParts = Readonly<{ engine: Engine; receiptKey: SigningKeyPair; traces: RoundTraces }>;

/** The engine of this process, which decides, and whose receipts are signed here. */
export function deskOfEngine({ engine, receiptKey, traces }: EngineDeskParts): IntakeDesk {
  const signed = ({ payloadDigest: payload, ...rest }: ReceiptData): Receipt => {
    const content = { ...rest, payload };
    return receiptToWire(content, signReceipt(content, receiptKey));
  };
  return {
    federation: engine.federation,
    state: () => engine.state(),
    blobs: engine.blobs,
    check(header) {
      const checked = engine.checkUpdate(header);
      if (!checked.ok) return checked;
      const { value } = checked;
      return ok(value.kind === 'upload' ? { kind: 'upload' } : { kind: 'accepted', receipt: signed(value.receipt) });
    },
    async accept({ header, signature }, { door }) {
      const accepted = await engine.acceptUpdate(header, signature, door);
      if (!accepted.ok) return accepted;
      traces.updateAccepted(`${header.track}/${header.round}`);
      return ok(signed(accepted.value));
    },
    async receiptOf({ cluster, track, round, digest }) {
      const receipt = engine.receiptOf(cluster, track, round, digest);
      return ok(receipt && signed(receipt));
    },
  };
}
