/** A signed payload (DSSE 1.0): what was signed covers the payload's type, so that none can be taken for another. */
export type Envelope = Readonly<{
  payload: string;
  payloadType: string;
  signatures: readonly Readonly<{ keyid: string; sig: string }>[];
}>;

/** What is signed of a payload: DSSE's pre-authentication encoding, with lengths in bytes before type and payload. */
export function preAuthentication(type: string, payload: Buffer): Buffer {
  const head = `DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.byteLength} `;
  return Buffer.concat([Buffer.from(head, 'utf8'), payload]);
}
