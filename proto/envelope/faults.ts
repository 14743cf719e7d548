/** Every way in which the envelope refuses. What the receiver should do about it stands beside each code. */
export type EnvelopeFaultCode =
  /** A header with a missing, ill-typed or out-of-range field. The sender's mistake: do not retry. */
  | 'HEADER_INVALID'
  /** A receipt with a missing, ill-typed or out-of-range field. Keep the update and ask again. */
  | 'RECEIPT_INVALID'
  /** The signature is not this key's over these fields. Alarm. */
  | 'SIGNATURE_INVALID'
  /** A peer's public key of the wrong length, not canonical, not on the curve, or of small order. Alarm. */
  | 'KEY_INVALID'
  /** The sealed bytes do not begin as this format does, or name a version we do not know. */
  | 'PAYLOAD_MALFORMED'
  /** Fewer sealed bytes than the header's sizes imply. Resume the upload. */
  | 'PAYLOAD_TRUNCATED'
  /** More sealed bytes than the header's sizes imply. */
  | 'PAYLOAD_LENGTH_MISMATCH'
  /** Not sealed to this round's key: the small box does not open. */
  | 'PAYLOAD_WRONG_KEY'
  /** A chunk's tag does not match: changed, moved, doubled, or sealed under another context. */
  | 'PAYLOAD_TAMPERED'
  /** The sealed bytes do not have the digest that the header signed. */
  | 'PAYLOAD_DIGEST_MISMATCH'
  /** What we were given to seal has another length than the context declares. */
  | 'PLAIN_LENGTH_MISMATCH'
  /** A file could not be read or written; the message has the system's code. Retry after the cause is gone. */
  | 'STORAGE_FAILED'
  /** The worker thread was lost (out of memory, for example) or is closed. Nothing was written. */
  | 'WORKER_UNAVAILABLE';
