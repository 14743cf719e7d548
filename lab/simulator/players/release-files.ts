import { ok, type Result, refuse } from '../../../base/fault.ts';
import type { FetchedRelease } from '../../../client/releases/fetch-release.ts';
import { digestOf } from '../../../proto/digest.ts';
import type { Digest } from '../../../proto/ids.ts';
import { specOfBytes } from '../../../proto/model-spec.ts';
import type { ReleaseTarget } from '../../../proto/release/documents/catalogue.ts';
import { openManifest, releaseFileNames } from '../../../proto/release/documents/manifest.ts';
import type { ClusterImage } from '../ground/cluster-image.ts';
import type { ClientLife } from './client-life.ts';

const callTimeoutMs = 20_000;

export function isWhole(image: ClusterImage, digest: Digest): boolean {
  const bytes = image.files.get(digest);
  return bytes !== undefined && digestOf(bytes) === digest;
}

/** A release's files by their digests, from disk or from whoever coordinates (nobody where there is no address): fetch-release.ts over simulated ground. */
export async function fetchFiles(
  life: ClientLife,
  address: number | undefined,
  target: ReleaseTarget,
): Promise<Result<FetchedRelease>> {
  const manifestBytes = await fetchFile(life, address, target.manifest.digest);
  if (!manifestBytes.ok) return manifestBytes;
  const manifest = openManifest(manifestBytes.value, target, life.federation);
  if (!manifest.ok) return manifest;
  const files = new Map<string, Uint8Array>();
  for (const { name, digest } of manifest.value.files) {
    const bytes = await fetchFile(life, address, digest);
    if (!bytes.ok) return bytes;
    files.set(name, bytes.value);
  }
  const weights = manifest.value.files.find(({ name }) => name === releaseFileNames.weights);
  const specFile = files.get(releaseFileNames.spec);
  if (weights === undefined || specFile === undefined) return refuse('FILE_MISSING', 'no weights or no spec');
  const spec = specOfBytes(specFile);
  if (!spec.ok) return spec;
  const { version } = target;
  const model = { version, digest: weights.digest, spec: spec.value, weightsPath: weights.digest };
  return ok({ target, manifest: manifest.value, model, antibodyPins: [], passedOver: [] });
}

async function fetchFile(life: ClientLife, address: number | undefined, digest: Digest): Promise<Result<Uint8Array>> {
  const { image, disk, process, network, link } = life;
  const readFault = await disk.operate(process, 'read', () => {});
  if (readFault !== undefined) throw new Error(`the disk says ${readFault}`);
  const known = image.files.get(digest);
  if (known !== undefined && digestOf(known) === digest) return ok(known);
  if (address === undefined) return refuse('FILE_MISSING', 'it is not on this machine, and nobody is there to ask');
  const fetched = await network.call(process, link, address, callTimeoutMs, async ({ services }) => {
    const served = services.registry.servedBytes(digest);
    return served === undefined ? refuse('MODEL_UNKNOWN', 'no such file') : services.engine.blobs.get(digest);
  });
  if (!fetched.ok) return fetched;
  if (digestOf(fetched.value) !== digest) return refuse('FILE_DIGEST_MISMATCH', 'not its bytes');
  const fault = await disk.operate(process, 'write', (part) => {
    if (part === 1) image.files.set(digest, fetched.value);
  });
  if (fault !== undefined) throw new Error(`the disk says ${fault}`);
  return ok(fetched.value);
}
