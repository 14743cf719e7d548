import type { BlobFaultCode } from '../blobs/blob-store.ts';
import type { StoreFaultCode } from '../ledger/store.ts';
import type { RoundFaultCode } from '../round/faults.ts';

/** Every way in which an upload is refused. */
export type UploadFaultCode =
  | RoundFaultCode
  | BlobFaultCode
  | StoreFaultCode
  /** The first message of the stream is not a header, or a later one is. */
  | 'HEADER_MISSING'
  /** A field of the header is missing, ill-typed or out of range. */
  | 'HEADER_INVALID'
  /** The TLS peer is not the cluster in the header. */
  | 'CLUSTER_MISMATCH'
  | 'FEDERATION_MISMATCH'
  | 'SIGNATURE_INVALID'
  | 'KEY_INVALID'
  /** The stream ended before the payload did. What came is kept: resume. */
  | 'PAYLOAD_TRUNCATED'
  | 'PAYLOAD_MISSING'
  /** Too many uploads at once, of this cluster or of all. */
  | 'UPLOADS_BUSY'
  /** No message, or too few bytes, for too long. */
  | 'PEER_TOO_SLOW'
  | 'MESSAGE_MALFORMED'
  /** Of a door: whether it was accepted is not known. */
  | 'LEADER_AWAY'
  | 'CALL_CANCELLED';
