import { canonicalBytes, type JsonValue } from '../../../base/canonical-json.ts';
import type { Envelope } from '../../../base/dsse.ts';
import { ok, type Result, refuse } from '../../../base/fault.ts';
import type { SigningKeyPair } from '../../../proto/envelope/crypto/keys.ts';
import type { BuiltImage } from '../build.ts';
import { attachedTypes } from '../oci/media-types.ts';
import { checkBlobs, type ImageFaultCode, type ReadImage, readImage } from '../oci/read-oci.ts';
import { attach } from '../oci/write-oci.ts';
import { opened, sealed } from './dsse.ts';
import { type Statement, statementAbout, statementType } from './statement.ts';

const payloadType = 'application/vnd.in-toto+json';
const predicateType = 'urn:testudo:image-release:1';

type Release = Readonly<{ version: string; attached: readonly Readonly<{ artifactType: string; digest: string }>[] }>;

/** What was made of an image besides itself: attached in this order, then signed for together with it. */
export type Made = Readonly<{ sbom: JsonValue; provenance: JsonValue }>;

/**
 * Attaches the bill of materials and the provenance, and a signature over the image's digest and theirs where there are keys
 * to make one. Ed25519 signs the same with the same bytes, so that all of it is reproducible.
 */
export async function attachAll(image: BuiltImage, { sbom, provenance }: Made, keys: readonly SigningKeyPair[]) {
  const { layout, manifest, version } = image;
  const read = await readImage(layout);
  if (!read.ok) throw new Error(read.fault.message);
  const added = await attach(layout, manifest, read.value.index, [
    { artifactType: attachedTypes.sbom, content: canonicalBytes(sbom) },
    { artifactType: attachedTypes.provenance, content: canonicalBytes(provenance) },
  ]);
  if (keys.length === 0) return;
  const attached = added.map(({ artifactType = '', digest }) => ({ artifactType, digest }));
  const statement = statementAbout(image, predicateType, { version, attached } satisfies Release);
  const envelope = sealed(payloadType, canonicalBytes(statement), keys);
  const content = canonicalBytes(envelope);
  await attach(layout, manifest, [...read.value.index, ...added], [{ artifactType: attachedTypes.signature, content }]);
}

export type VerifyFaultCode = ImageFaultCode | 'IMAGE_UNSIGNED' | 'SIGNATURE_INVALID';

/** An image whose every blob is what its digest says, and what it and its attachments are signed as. */
export type VerifiedImage = Readonly<{ image: ReadImage; name: string; version: string }>;

/**
 * Checks every blob and the signature. IMAGE_UNSIGNED: nobody signed. SIGNATURE_INVALID: not by one of these keys (Ed25519, 32
 * bytes each, vetted), or for another image, or for other attachments than are there.
 */
export async function verifyImage(
  layout: string,
  publicKeys: readonly Uint8Array[],
): Promise<Result<VerifiedImage, VerifyFaultCode>> {
  const read = await readImage(layout);
  if (!read.ok) return read;
  const checked = await checkBlobs(layout, read.value);
  if (!checked.ok) return checked;
  const { attached, descriptor } = read.value;
  const signatures = attached.filter(({ manifest }) => manifest.artifactType === attachedTypes.signature);
  const [signature, ...more] = signatures;
  if (signature === undefined) return refuse('IMAGE_UNSIGNED', `${layout} holds no signature`);
  if (more.length > 0)
    return refuse('SIGNATURE_INVALID', `${layout} holds ${signatures.length} signatures, expected one`);
  const payload = opened(JSON.parse(signature.content.toString('utf8')) as Envelope, payloadType, publicKeys);
  if (!payload.ok) return payload;
  const statement = JSON.parse(payload.value.toString('utf8')) as Statement;
  const [subject] = statement.subject;
  const isOurs = statement._type === statementType && statement.predicateType === predicateType;
  if (!isOurs || subject === undefined || `sha256:${subject.digest.sha256}` !== descriptor.digest) {
    return refuse(
      'SIGNATURE_INVALID',
      `the signature is for ${subject?.digest.sha256 ?? 'nothing'}, not for this image`,
    );
  }
  const { version, attached: signed } = statement.predicate as unknown as Release;
  const named = signed.map(({ digest }) => digest).sort();
  const there = attached
    .filter((one) => one !== signature)
    .map((one) => one.descriptor.digest)
    .sort();
  if (named.length !== there.length || named.some((digest, at) => digest !== there[at])) {
    return refuse('SIGNATURE_INVALID', `what is attached to the image in ${layout} is not what was signed`);
  }
  return ok({ image: read.value, name: subject.name, version });
}
