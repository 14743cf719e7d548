/** OCI layouts with images and signatures, for tests. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalBytes, type JsonValue } from '../../../base/canonical-json.ts';
import { preAuthentication } from '../../../base/dsse.ts';
import { digestOf } from '../../../proto/digest.ts';

export const ecdsa = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
export const ed25519 = () => generateKeyPairSync('ed25519');
export const pemOf = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString();
const signedBy = ({ privateKey }: { privateKey: KeyObject }, message: Uint8Array) =>
  sign(privateKey.asymmetricKeyType === 'ec' ? 'sha256' : null, message, privateKey).toString('base64');
export type Pair = ReturnType<typeof ed25519>;
export type Described = { mediaType: string; digest: string; size: number; annotations?: Record<string, string> };

/** An OCI layout on disk, as tools write it. */
export class MadeLayout {
  readonly folder: string;
  readonly manifests: Described[] = [];

  /** folder: empty. */
  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(join(this.folder, 'blobs', 'sha256'), { recursive: true });
    writeFileSync(join(this.folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  }

  blob(mediaType: string, value: JsonValue): Described {
    const bytes = canonicalBytes(value);
    const digest = digestOf(bytes);
    writeFileSync(this.path(digest), bytes);
    return { mediaType, digest, size: bytes.length };
  }

  path(digest: string): string {
    return join(this.folder, 'blobs', 'sha256', digest.slice(7));
  }

  /** An image, named in the index unless another index is to name it. */
  image(name: string, isNamed = true): Described {
    const layer = this.blob('application/vnd.oci.image.layer.v1.tar+gzip', { name });
    const manifest = this.blob('application/vnd.oci.image.manifest.v1+json', { schemaVersion: 2, layers: [layer] });
    if (isNamed) this.manifests.push(manifest);
    return manifest;
  }

  attach(layers: readonly Described[]): void {
    const value = { schemaVersion: 2, layers } as unknown as JsonValue;
    this.manifests.push(this.blob('application/vnd.oci.image.manifest.v1+json', value));
  }

  /** As `cosign sign --key` without bundles: a payload, and the signature in its descriptor. */
  cosign(digest: string, pair: Pair, type = 'cosign container image signature', signs?: Buffer): void {
    const identity = { 'docker-reference': 'registry.example/web' };
    const critical = { identity, image: { 'docker-manifest-digest': digest }, type };
    const payload = canonicalBytes({ critical, optional: null });
    const annotations = { 'dev.cosignproject.cosign/signature': signedBy(pair, signs ?? payload) };
    const blob = this.blob('application/vnd.dev.cosign.simplesigning.v1+json', { critical, optional: null });
    this.attach([{ ...blob, annotations }]);
  }

  /** A statement in a DSSE envelope: bare, as our images have it, or inside a Sigstore bundle. */
  dsse(digest: string, pair: Pair, predicateType: string, isBundled = false): void {
    const subject = [{ name: 'web', digest: { sha256: digest.slice(7) } }];
    const statement = { _type: 'https://in-toto.io/Statement/v1', subject, predicateType, predicate: {} };
    const payloadType = 'application/vnd.in-toto+json';
    const payload = canonicalBytes(statement);
    const signatures = [{ keyid: '', sig: signedBy(pair, preAuthentication(payloadType, payload)) }];
    const envelope = { payload: payload.toString('base64'), payloadType, signatures };
    const type = 'application/vnd.dev.sigstore.bundle.v0.3+json';
    if (isBundled) this.attach([this.blob(type, { mediaType: type, dsseEnvelope: envelope })]);
    else this.attach([this.blob('application/vnd.dsse.envelope.v1+json', envelope)]);
  }

  /** What the layout names; `manifests` may have been changed before. */
  write(): string {
    writeFileSync(join(this.folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: this.manifests }));
    return this.folder;
  }
}
