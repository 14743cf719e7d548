import { digestOf } from '../../proto/digest.ts';

/** A proposal as one names it to sign it: the first digits of its digest, which no signature changes. */
export function proposalName(document: Uint8Array): string {
  const { signed } = JSON.parse(Buffer.from(document).toString('utf8')) as { signed: unknown };
  return digestOf(Buffer.from(JSON.stringify(signed))).slice('sha256:'.length, 'sha256:'.length + 12);
}

/** Ids of the keys that have signed a document, whoever names them: what it is to be signed for may be a root that is not in force yet. */
export function signersOf(document: Uint8Array): readonly string[] {
  const { signatures } = JSON.parse(Buffer.from(document).toString('utf8')) as {
    signatures: readonly Readonly<{ keyid: string }>[];
  };
  return signatures.map(({ keyid }) => keyid);
}
