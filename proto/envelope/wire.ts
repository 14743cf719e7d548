import type { Result } from '../../base/fault.ts';
import type { Receipt as WireReceipt } from '../generated/testudo/v1/common.ts';
import type { UpdateHeader as WireHeader } from '../generated/testudo/v1/federation.ts';
import { checkHeader, type UpdateHeader } from './header.ts';
import { checkReceipt, type Receipt } from './receipt.ts';

/** A checked header from the message a peer sent. The signature beside it is still to be verified. */
export function headerFromWire(message: WireHeader): Result<UpdateHeader, 'HEADER_INVALID'> {
  const { baseDigest: base, schemaDigest: schema, payloadDigest: payload, provenanceDigest, ...rest } = message;
  const provenance = provenanceDigest === '' ? undefined : provenanceDigest;
  return checkHeader({ ...rest, base, schema, payload, provenance });
}

/** The message that carries a header. `resumeOffset`: where in the sealed payload this stream starts, bytes. */
export function headerToWire(header: UpdateHeader, signature: Uint8Array, resumeOffset: number): WireHeader {
  const { base, schema, payload, plainBytes, exampleCount, payloadBytes, classes, provenance, ...texts } = header;
  return {
    ...texts,
    baseDigest: base,
    schemaDigest: schema,
    payloadDigest: payload,
    plainBytes: BigInt(plainBytes),
    exampleCount: BigInt(exampleCount),
    payloadBytes: BigInt(payloadBytes),
    signature: Buffer.from(signature),
    resumeOffset: BigInt(resumeOffset),
    classes: [...(classes ?? [])],
    provenanceDigest: provenance ?? '',
  };
}

/** A checked receipt from the message a coordinator sent. The signature beside it is still to be verified. */
export function receiptFromWire(message: WireReceipt): Result<Receipt, 'RECEIPT_INVALID'> {
  return checkReceipt({ ...message, payload: message.payloadDigest });
}

/** The message that carries a receipt. */
export function receiptToWire(receipt: Receipt, signature: Uint8Array): WireReceipt {
  const { payload, sequence, acceptedAtMs, ...texts } = receipt;
  return {
    ...texts,
    payloadDigest: payload,
    sequence: BigInt(sequence),
    acceptedAtMs: BigInt(acceptedAtMs),
    signature: Buffer.from(signature),
  };
}
