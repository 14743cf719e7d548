/**
 * Files of a model as a folder: `manifest.json` holds every other file's name and digest. What the files say is for each
 * track to know.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { digestOf } from '../../proto/digest.ts';

export type ModelFolderFaultCode = 'MODEL_UNREADABLE' | 'MODEL_DAMAGED' | 'MODEL_UNKNOWN';

const format = 'testudo-model/1';

type Manifest = Readonly<{ format: string; files: Readonly<Record<string, string>> }>;

/** Writes the files and their manifest; what was in the folder before is removed. Throws when the disk refuses. */
export async function writeModelFiles(path: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  const digests = Object.fromEntries([...files].map(([name, bytes]) => [name, digestOf(bytes)]));
  await rm(path, { recursive: true, force: true });
  for (const [name, bytes] of files) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), bytes);
  }
  await writeFile(join(path, 'manifest.json'), jsonBytes({ format, files: digests } satisfies Manifest));
}

/** Every file that the manifest names, each checked against its digest. */
export async function readModelFiles(path: string): Promise<Result<Map<string, Uint8Array>, ModelFolderFaultCode>> {
  const files = new Map<string, Uint8Array>();
  let manifest: Manifest;
  try {
    manifest = JSON.parse(await readFile(join(path, 'manifest.json'), 'utf8'));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return refuse('MODEL_UNREADABLE', `${path} is no model folder: manifest.json: ${why}`);
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

export function jsonBytes(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value, undefined, 1)}\n`);
}

/** A file's JSON; null where there is no such file. Throws where it is none. */
export function parsedFile(files: ReadonlyMap<string, Uint8Array>, name: string): unknown {
  return JSON.parse(Buffer.from(files.get(name) ?? 'null').toString('utf8'));
}
