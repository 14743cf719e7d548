/**
 * Which image a signature is for. Three forms, each as its specification has it: cosign's signature over a "simple signing" payload
 * (beside the image under the tag sha256-….sig), its DSSE envelope inside a Sigstore bundle, and the plain DSSE envelope of
 * our own images. Only the key decides: no certificate, no transparency log, and not who attached it to what.
 */
import { z } from 'zod';
import { preAuthentication } from '../../../base/dsse.ts';
import { type ImageKey, isSignedBy } from './image-key.ts';

/** A blob that may hold a signature. `annotation`: of its descriptor, where cosign keeps its own. */
export type SignatureBlob = Readonly<{ mediaType: string; bytes: Buffer; annotation: string | undefined }>;

export const signatureAnnotation = 'dev.cosignproject.cosign/signature';
const simpleSigning = 'application/vnd.dev.cosign.simplesigning.v1+json';
const bundle = /^application\/vnd\.dev\.sigstore\.bundle(?:\.v\d+\.\d+\+json|\+json;version=\d+\.\d+)$/;
const dsse = 'application/vnd.dsse.envelope.v1+json';

export const maySign = (mediaType: string) =>
  mediaType === simpleSigning || mediaType === dsse || bundle.test(mediaType);

/** Statements that say "this image": an attestation of something else about it, such as a list of its flaws, is no signature. */
const signingPredicates = new Set(['https://sigstore.dev/cosign/sign/v1', 'urn:testudo:image-release:1']);

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
const payload = z.object({
  critical: z.object({
    type: z.literal('cosign container image signature'),
    image: z.object({ 'docker-manifest-digest': digest }),
  }),
});
const envelope = z.object({
  payloadType: z.literal('application/vnd.in-toto+json'),
  payload: z.string(),
  signatures: z.array(z.object({ sig: z.string() })).max(64),
});
const statement = z.object({
  _type: z.string().regex(/^https:\/\/in-toto\.io\/Statement\/v(?:0\.1|1)$/),
  predicateType: z.string(),
  subject: z.array(z.object({ digest: z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/) }) })).max(64),
});

/** The digests that one of the keys signed with this blob; none where it is no signature of theirs. */
export function signedDigests({ mediaType, bytes, annotation }: SignatureBlob, keys: readonly ImageKey[]): string[] {
  if (mediaType === simpleSigning) {
    const signature = Buffer.from(annotation ?? '', 'base64');
    const parsed = payload.safeParse(jsonIn(bytes));
    if (!parsed.success || !isSignedBy(keys, bytes, signature)) return [];
    return [parsed.data.critical.image['docker-manifest-digest']];
  }
  if (!maySign(mediaType)) return [];
  const outer = jsonIn(bytes);
  const parsed = envelope.safeParse(mediaType === dsse ? outer : (outer as { dsseEnvelope?: unknown })?.dsseEnvelope);
  if (!parsed.success) return [];
  const inner = Buffer.from(parsed.data.payload, 'base64');
  const message = preAuthentication(parsed.data.payloadType, inner);
  const said = statement.safeParse(jsonIn(inner));
  if (!said.success || !signingPredicates.has(said.data.predicateType)) return [];
  const isTheirs = parsed.data.signatures.some(({ sig }) => isSignedBy(keys, message, Buffer.from(sig, 'base64')));
  return isTheirs ? said.data.subject.map(({ digest: { sha256 } }) => `sha256:${sha256}`) : [];
}

function jsonIn(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
