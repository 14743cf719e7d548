import { failpoint } from '../../../base/failpoint.ts';
import { ok, type Result } from '../../../base/fault.ts';
import type { EpochMs } from '../../../base/time.ts';
import { antibodiesFile } from '../../../proto/antibody.ts';
import { digestOf } from '../../../proto/digest.ts';
import type { Digest } from '../../../proto/ids.ts';
import { type ModelSpec, specBytes } from '../../../proto/model-spec.ts';
import {
  encodeManifest,
  type ReleaseFile,
  type ReleaseManifest,
  releaseFileNames,
} from '../../../proto/release/documents/manifest.ts';
import type { BlobFaultCode } from '../../blobs/blob-store.ts';
import type { Provenance } from '../../candidate/provenance.ts';
import { antibodiesInForce } from '../../ledger/state/antibodies-in-force.ts';
import type { Model, Track } from '../../ledger/state/state.ts';
import type { Store, StoreFaultCode } from '../../ledger/store.ts';
import { byRegistry } from '../signing/set-signer.ts';

/**
 * Makes the light form of a model (ONNX with INT8 weights), or nothing where its architecture has none. Must be
 * deterministic: the same model gives the same bytes. The coordinator imports no detector, so whoever starts it brings
 * this along. weights: flat little-endian float32.
 */
export type LightForm = (spec: ModelSpec, weights: Uint8Array) => Promise<Uint8Array | undefined>;

export type PublisherParts = Readonly<{
  store: Store;
  build: string;
  lightForm: LightForm | undefined;
  trouble: (code: string, message: string) => void;
}>;

/** The oldest model of a track that is no release yet. */
export function nextUnreleased({ models, releasing }: Track): Model | undefined {
  return models[(releasing.releases.at(-1)?.version ?? -1) + 1];
}

/** Makes a release of a model: files stored, manifest built, journalled. Doing it again after a crash is the same. */
export async function publish(
  { store, build, lightForm, trouble }: PublisherParts,
  track: Track,
  model: Model,
): Promise<Result<void, StoreFaultCode | BlobFaultCode>> {
  const { blobs } = store;
  const files: ReleaseFile[] = [{ name: releaseFileNames.weights, digest: model.digest, bytes: track.modelBytes }];
  const spec = specBytes(track.spec);
  const stored = await blobs.put(spec);
  if (!stored.ok) return stored;
  files.push({ name: releaseFileNames.spec, digest: stored.value, bytes: spec.byteLength });
  let base: ReleaseManifest['base'] = null;
  if (model.provenance !== null) {
    const provenance = await blobs.get(model.provenance);
    if (!provenance.ok) return provenance;
    const said = JSON.parse(Buffer.from(provenance.value).toString('utf8')) as Provenance;
    base = said.base;
    const sample = track.samples.find(({ digest }) => digest === said.sample);
    if (sample !== undefined) files.push({ name: releaseFileNames.sample, digest: sample.digest, bytes: sample.bytes });
    files.push({
      name: releaseFileNames.provenance,
      digest: model.provenance,
      bytes: provenance.value.byteLength,
    });
  }
  const brought = await antibodiesOf(store, track, model.createdAtMs);
  if (!brought.ok) return brought;
  if (brought.value !== undefined) files.push(brought.value);
  if (lightForm !== undefined) {
    const weights = await blobs.get(model.digest);
    if (!weights.ok) return weights;
    // Without a light form the release still serves everyone who runs the float model.
    const light = await lightForm(track.spec, weights.value).catch((error: unknown) => {
      trouble('LIGHT_FORM_FAILED', `version ${model.version} of ${track.track} has no light form: ${String(error)}`);
      return undefined;
    });
    if (light !== undefined) {
      const kept = await blobs.put(light);
      if (!kept.ok) return kept;
      files.push({ name: releaseFileNames.light, digest: kept.value, bytes: light.byteLength });
    }
  }
  const manifest: ReleaseManifest = {
    format: 'testudo/release/1',
    federation: store.federation,
    track: track.track,
    version: model.version,
    base,
    round: model.round,
    schemaDigest: track.schemaDigest,
    createdAtMs: model.createdAtMs,
    build,
    files: files.sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
  const bytes = encodeManifest(manifest);
  const manifestDigest: Digest = digestOf(bytes);
  const kept = await blobs.put(bytes);
  if (!kept.ok) return kept;
  const journalled = await store.commit<void, never>(byRegistry, (state) => {
    const now = state.tracks.get(track.track);
    if (now === undefined || nextUnreleased(now)?.version !== model.version)
      return ok({ events: [], value: undefined });
    const event = { kind: 'releasePublished', track: track.track, manifest, manifestDigest } as const;
    return ok({ events: [{ ...event, manifestBytes: bytes.byteLength }], value: undefined });
  });
  if (!journalled.ok) return journalled;
  failpoint('release-journalled');
  return ok(undefined);
}

/** The file of a release that holds the track's antibodies in force; none where there are none. */
async function antibodiesOf(
  { blobs }: Pick<Store, 'blobs'>,
  { antibodies }: Track,
  nowMs: EpochMs,
): Promise<Result<ReleaseFile | undefined, BlobFaultCode>> {
  const inForce = antibodiesInForce(antibodies, nowMs);
  if (inForce.length === 0) return ok(undefined);
  const lines: Uint8Array[] = [];
  for (const { digest } of inForce) {
    const stored = await blobs.get(digest);
    if (!stored.ok) return stored;
    lines.push(stored.value);
  }
  const bytes = antibodiesFile(lines);
  const kept = await blobs.put(bytes);
  return kept.ok ? ok({ name: releaseFileNames.antibodies, digest: kept.value, bytes: bytes.byteLength }) : kept;
}
