import { digestOf } from '../../proto/digest.ts';

/** A proposal as one names it to sign it: the first digits of its digest, which no signature changes. */
export function proposalName(document: Uint8Array): string {
  const { signed } = JSON.parse(Buffer.from(document).toString('utf8')) as { signed: unknown };
  return digestOf(Buffer.from(JSON.stringify(signed))).slice('sha256:'.length, 'sha256:'.length + 12);
}
