/**
 * Files of a model as a folder: `manifest.json` holds every other file's name and digest, `spec.json` and `weights.bin` the
 * federation's model. What lies beside them is for each track to know.
 */
import type { Stats } from 'node:fs';
import { lstat, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { isMissing, makeFolder, replaceFolder, temporaryOf } from '../../base/atomic-file.ts';
import { ok, type Result, refuse, unwrap } from '../../base/fault.ts';
import { digestOf } from '../../proto/digest.ts';
import { layoutOf, valuesOfBytes } from '../../proto/layout.ts';
import { type ModelSpec, specOfBytes } from '../../proto/model-spec.ts';

export type ModelFolderFaultCode = 'MODEL_UNREADABLE' | 'MODEL_DAMAGED' | 'MODEL_UNKNOWN';

const format = 'testudo-model/1';
/** 1 GiB: what a model spec may come to. */
const modelFileBytesMax = 2 ** 30;

type Manifest = Readonly<{ format: string; files: Readonly<Record<string, string>> }>;

/** A model as verbs on files find it: as a folder, or as a client holds it, with nothing beside its weights. */
export type StoredModel = Readonly<{
  /** Path or digest, for sentences about it. */
  where: string;
  spec: ModelSpec;
  /** The federated weights, flat. */
  weights: Float32Array;
  /** Everything that lies in the folder, by name. */
  files: ReadonlyMap<string, Uint8Array>;
}>;

/** Reads a folder's spec and weights, every file checked against the manifest. */
export async function readStoredModel(path: string): Promise<Result<StoredModel, ModelFolderFaultCode>> {
  const files = await readModelFiles(path);
  if (!files.ok) return files;
  const spec = specOfBytes(files.value.get('spec.json') ?? new Uint8Array(0));
  if (!spec.ok) return refuse('MODEL_DAMAGED', `${path}: spec.json: ${spec.fault.message}`);
  const weights = valuesOfBytes(layoutOf(spec.value), files.value.get('weights.bin') ?? new Uint8Array(0));
  if (!weights.ok) return refuse('MODEL_DAMAGED', `${path}: weights.bin: ${weights.fault.message}`);
  return ok({ where: path, spec: spec.value, weights: weights.value, files: files.value });
}

/**
 * Whether a model may be written there: where nothing is, an empty folder, or a model, whose place the new one takes. Throws
 * when the disk refuses to be read.
 */
export async function checkModelPlace(path: string): Promise<Result<void, 'OUTPUT_UNWRITABLE'>> {
  let names: string[];
  try {
    names = await readdir(path);
  } catch (error) {
    if (isMissing(error)) return ok(undefined);
    if ((error as NodeJS.ErrnoException).code !== 'ENOTDIR') throw error;
    return refuse('OUTPUT_UNWRITABLE', `${path} is a file, and a model is a folder; name another place`);
  }
  if (names.length === 0) return ok(undefined);
  const text = await readFile(join(path, 'manifest.json'), 'utf8').catch(() => '');
  if (text.includes(JSON.stringify(format))) return ok(undefined);
  const found = `${names.slice(0, 3).join(', ')}${names.length > 3 ? ', …' : ''}`;
  const message = `${path} is there and is no model (it holds ${found}): nothing of it is removed; name a new or empty folder`;
  return refuse('OUTPUT_UNWRITABLE', message);
}

/**
 * Writes the files and their manifest, in one step in place of the model that was there before: a writer that is killed leaves
 * that one. Throws when the disk refuses, and where `checkModelPlace` does.
 */
export async function writeModelFiles(path: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  unwrap(await checkModelPlace(path));
  const place = await realpath(path).catch(() => resolve(path));
  const fresh = temporaryOf(place);
  const digests = Object.fromEntries([...files].map(([name, bytes]) => [name, digestOf(bytes)]));
  try {
    for (const [name, bytes] of files) {
      makeFolder(dirname(join(fresh, name)));
      await writeFile(join(fresh, name), bytes);
    }
    await writeFile(join(fresh, 'manifest.json'), jsonBytes({ format, files: digests } satisfies Manifest));
    await replaceFolder(fresh, place);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

/** Every file that the manifest names, each checked against its digest. */
async function readModelFiles(path: string): Promise<Result<Map<string, Uint8Array>, ModelFolderFaultCode>> {
  const files = new Map<string, Uint8Array>();
  let manifest: Manifest;
  try {
    manifest = JSON.parse(await readFile(join(path, 'manifest.json'), 'utf8'));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const remedy =
      'name what `npm start`, `testudo model train` or a client wrote; what `model init` writes has learnt nothing';
    return refuse('MODEL_UNREADABLE', `${path} is no model folder: manifest.json: ${why}; ${remedy}`);
  }
  if (manifest?.format !== format || typeof manifest.files !== 'object' || manifest.files === null) {
    return refuse(
      'MODEL_UNKNOWN',
      `${path}: expected a manifest of format ${format}; save the model with this version`,
    );
  }
  for (const [name, digest] of Object.entries(manifest.files)) {
    if (!/^(clusters\/)?[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(name)) {
      return refuse('MODEL_DAMAGED', `${path}: the manifest names a file outside the folder`);
    }
    let bytes: Uint8Array;
    try {
      // Not through a link, and not from a device that never ends.
      const { size } = await regularFile(join(path, name));
      if (size > modelFileBytesMax) return refuse('MODEL_DAMAGED', `${path}: ${name} has ${size} bytes`);
      bytes = await readFile(join(path, name));
    } catch {
      return refuse(
        'MODEL_UNREADABLE',
        `${path}: ${name} is in the manifest but cannot be read; copy the folder again`,
      );
    }
    if (digestOf(bytes) !== digest) {
      return refuse('MODEL_DAMAGED', `${path}: ${name} does not have the manifest's digest; copy the folder again`);
    }
    files.set(name, bytes);
  }
  return ok(files);
}

async function regularFile(path: string): Promise<Stats> {
  const found = await lstat(path);
  if (!found.isFile()) throw new Error(`${path} is no regular file`);
  return found;
}

export function jsonBytes(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value, undefined, 1)}\n`);
}

/** A file's JSON; null where there is no such file. Throws where it is none. */
export function parsedFile(files: ReadonlyMap<string, Uint8Array>, name: string): unknown {
  return JSON.parse(Buffer.from(files.get(name) ?? 'null').toString('utf8'));
}
