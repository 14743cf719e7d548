import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ok, type Result, refuse } from '../base/fault.ts';
import { digestOf } from '../proto/digest.ts';
import { type Digest, isDigest } from '../proto/ids.ts';
import { layoutOf, valuesOfBytes } from '../proto/layout.ts';
import { checkSpec, type ModelSpec } from '../proto/model-spec.ts';

export type HeldModelFault = 'MODEL_NOT_HELD' | 'MODEL_DAMAGED';

/** Larger files are weights. */
const jsonBytesMax = 1_048_576;
const digest = z.custom<Digest>(isDigest);
const installed = z.object({ digest, spec: z.unknown() });
const manifest = z.object({
  format: z.literal('testudo/release/1'),
  files: z.array(z.object({ name: z.string(), digest })),
});

/**
 * A model that a client holds in its data folder, by the digest of its weights or of its release's manifest: the base of a
 * round (models/), or a release (agent/files/). Every byte is checked against its digest.
 */
export async function heldModel(
  dataDirectory: string,
  wanted: Digest,
): Promise<Result<Readonly<{ spec: ModelSpec; weights: Float32Array }>, HeldModelFault>> {
  const release = await heldRelease(join(dataDirectory, 'agent', 'files'), wanted);
  const found = release ?? (await heldBase(dataDirectory, wanted));
  if (found === undefined) {
    return refuse('MODEL_NOT_HELD', `${wanted} is not among the models in ${dataDirectory}, or its spec is not`);
  }
  const { bytes, spec, digest: named } = found;
  if (digestOf(bytes) !== named) return refuse('MODEL_DAMAGED', `the bytes of ${named} are others; fetch them again`);
  const checked = checkSpec(spec);
  if (!checked.ok) return refuse('MODEL_DAMAGED', `the spec of ${named}: ${checked.fault.message}`);
  const weights = valuesOfBytes(layoutOf(checked.value), bytes);
  return weights.ok
    ? ok({ spec: checked.value, weights: weights.value })
    : refuse('MODEL_DAMAGED', `${named}: ${weights.fault.message}`);
}

/** The digests by which a data folder's models can be asked for: of releases, of their weights, and of the bases of rounds. */
export async function heldDigests(dataDirectory: string): Promise<ReadonlySet<Digest>> {
  const manifests = await manifestsIn(join(dataDirectory, 'agent', 'files'));
  const releases = manifests.flatMap(({ own, named }) => [own, named('weights.bin') ?? own]);
  const bases = (await basesIn(dataDirectory)).map(({ record }) => record.digest);
  return new Set([...releases, ...bases]);
}

type Found = Readonly<{ bytes: Buffer; spec: unknown; digest: Digest }>;

async function heldRelease(folder: string, wanted: Digest): Promise<Found | undefined> {
  const pathOf = (file: Digest) => join(folder, file.slice('sha256:'.length));
  for (const { own, named } of await manifestsIn(folder)) {
    const [weights, spec] = [named('weights.bin'), named('spec.json')];
    const isThis = weights === wanted || own === wanted;
    if (!isThis || weights === undefined || spec === undefined) continue;
    const [weightBytes, specBytes] = [await bytesAt(pathOf(weights)), await bytesAt(pathOf(spec))];
    if (weightBytes === undefined || specBytes === undefined || digestOf(specBytes) !== spec) continue;
    return { bytes: weightBytes, spec: jsonOf(specBytes), digest: weights };
  }
  return undefined;
}

type HeldManifest = Readonly<{ own: Digest; named: (file: string) => Digest | undefined }>;

async function manifestsIn(folder: string): Promise<readonly HeldManifest[]> {
  const found: HeldManifest[] = [];
  for (const name of await namesIn(folder)) {
    const bytes = await readFile(join(folder, name));
    const read = bytes.length > jsonBytesMax ? undefined : manifest.safeParse(jsonOf(bytes));
    if (!read?.success) continue;
    const { files } = read.data;
    found.push({ own: digestOf(bytes), named: (file) => files.find((one) => one.name === file)?.digest });
  }
  return found;
}

async function heldBase(dataDirectory: string, wanted: Digest): Promise<Found | undefined> {
  for (const { track, record } of await basesIn(dataDirectory)) {
    if (record.digest !== wanted) continue;
    const bytes = await bytesAt(join(dataDirectory, 'models', track, `${wanted.slice('sha256:'.length)}.f32`));
    if (bytes !== undefined) return { bytes, spec: record.spec, digest: wanted };
  }
  return undefined;
}

type HeldBase = Readonly<{ track: string; record: z.infer<typeof installed> }>;

async function basesIn(dataDirectory: string): Promise<readonly HeldBase[]> {
  const found: HeldBase[] = [];
  for (const track of await namesIn(join(dataDirectory, 'installed'))) {
    const record = await bytesAt(join(dataDirectory, 'installed', track, 'installed-model.json'));
    const read = installed.safeParse(record === undefined ? undefined : jsonOf(record));
    if (read.success) found.push({ track, record: read.data });
  }
  return found;
}

function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}

function bytesAt(path: string): Promise<Buffer | undefined> {
  return readFile(path).catch(() => undefined);
}

function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
