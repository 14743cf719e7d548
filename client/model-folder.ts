/**
 * A model as a folder, for `testudo score` and for an agent that starts without its coordinator:
 *
 *     manifest.json          every other file's name and digest
 *     spec.json              the model spec
 *     weights.bin            the federated weights, little-endian float32
 *     clusters/NAME.json     a cluster's calibrations and profiles
 *     clusters/NAME.bin      its evidence: pairs of slot (uint32) and value (float32), little-endian
 *
 * In the field a folder holds at most the one cluster it lies in. The demo's folder holds all of its clusters, since they
 * all live on one machine; what the federation shared is `weights.bin` alone.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf } from '../proto/digest.ts';
import { ok, type Result, refuse } from '../proto/fault.ts';
import { bytesOfValues, layoutOf, valuesOfBytes } from '../proto/layout.ts';
import { checkSpec, type ModelSpec } from '../proto/model-spec.ts';
import type { Detector } from './detectors/detector.ts';
import { openDetector } from './detectors/syscall/architectures.ts';
import { type Calibration, LocalMemory } from './detectors/syscall/local-memory.ts';
import { ProfileMemory, type ProfileRecord } from './detectors/syscall/profile-memory.ts';
import type { WorkloadClasses } from './detectors/syscall/workload-classes.ts';
import { type ClusterState, classesOf, type SyscallModel } from './scoring.ts';

export type ModelFolderFaultCode = 'MODEL_UNREADABLE' | 'MODEL_DAMAGED' | 'MODEL_UNKNOWN';

const format = 'testudo-model/1';

type Manifest = Readonly<{ format: string; files: Readonly<Record<string, string>> }>;
type ClusterFile = Readonly<{
  slots: number;
  calibrations: readonly Readonly<{ class: string } & Calibration>[];
  profiles: readonly Readonly<{ class: string; profiles: readonly ProfileRecord[] }>[];
}>;

/** Writes a model as a folder; what was in the folder before is removed. Throws when the disk refuses. */
export async function saveModelFolder(path: string, model: SyscallModel): Promise<void> {
  const files = new Map<string, Uint8Array>([
    ['spec.json', json(model.detector.spec)],
    ['weights.bin', bytesOfValues(model.weights)],
  ]);
  const classes = classesOf(model.detector.spec);
  for (const [name, state] of model.clusters) {
    files.set(`clusters/${name}.json`, json(clusterFile(state, classes)));
    files.set(`clusters/${name}.bin`, sparseBytes(state.memory.evidence));
  }
  const digests = Object.fromEntries([...files].map(([name, bytes]) => [name, digestOf(bytes)]));
  await rm(path, { recursive: true, force: true });
  await mkdir(join(path, 'clusters'), { recursive: true });
  for (const [name, bytes] of files) await writeFile(join(path, name), bytes);
  await writeFile(join(path, 'manifest.json'), json({ format, files: digests } satisfies Manifest));
}

/** Reads a model folder, every file checked against the manifest. */
export async function loadModelFolder(path: string): Promise<Result<SyscallModel, ModelFolderFaultCode>> {
  const files = await readFiles(path);
  if (!files.ok) return files;
  const spec = checkSpec(parsed(files.value, 'spec.json'));
  if (!spec.ok) return refuse('MODEL_DAMAGED', `${path}: spec.json: ${spec.fault.message}`);
  let detector: Detector;
  try {
    detector = await openDetector(spec.value);
  } catch (error) {
    return refuse('MODEL_UNKNOWN', `${path}: ${error instanceof Error ? error.message : error}`);
  }
  const weights = valuesOfBytes(layoutOf(spec.value), files.value.get('weights.bin') ?? new Uint8Array(0));
  if (!weights.ok) return refuse('MODEL_DAMAGED', `${path}: weights.bin: ${weights.fault.message}`);
  try {
    return ok({ detector, weights: weights.value, clusters: clustersOf(files.value, spec.value) });
  } catch (error) {
    return refuse('MODEL_DAMAGED', `${path}: ${error instanceof Error ? error.message : error}; copy the folder again`);
  }
}

async function readFiles(path: string): Promise<Result<Map<string, Uint8Array>, ModelFolderFaultCode>> {
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

function clusterFile(state: ClusterState, classes: WorkloadClasses): ClusterFile {
  const nameOf = (classId: number) => classes.nameOf(classId) ?? '';
  return {
    slots: state.memory.evidence.length,
    calibrations: [...state.calibrations].map(([classId, one]) => ({ class: nameOf(classId), ...one })),
    profiles: [...state.memory.profiles].map(([classId, memory]) => ({
      class: nameOf(classId),
      profiles: memory.records(),
    })),
  };
}

function clustersOf(files: ReadonlyMap<string, Uint8Array>, spec: ModelSpec): Map<string, ClusterState> {
  const classes = classesOf(spec);
  const clusters = new Map<string, ClusterState>();
  for (const name of files.keys()) {
    const cluster = /^clusters\/(.+)\.json$/.exec(name)?.[1];
    if (cluster === undefined) continue;
    const file = parsed(files, name) as ClusterFile;
    const evidence = denseValues(files.get(`clusters/${cluster}.bin`) ?? new Uint8Array(0), file.slots);
    const profiles = new Map(
      file.profiles.map((one) => [classes.idOf(one.class), ProfileMemory.fromRecords(one.profiles)] as const),
    );
    const calibrations = new Map(
      file.calibrations.map(({ class: service, ...one }) => [classes.idOf(service), one] as const),
    );
    clusters.set(cluster, { memory: new LocalMemory(classes, evidence, profiles), calibrations });
  }
  return clusters;
}

function json(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value, undefined, 1)}\n`);
}

function parsed(files: ReadonlyMap<string, Uint8Array>, name: string): unknown {
  return JSON.parse(Buffer.from(files.get(name) ?? 'null').toString('utf8'));
}

function sparseBytes(values: Float32Array): Buffer {
  const slots = [...values.keys()].filter((slot) => values[slot] !== 0);
  const bytes = Buffer.alloc(slots.length * 8);
  for (const [index, slot] of slots.entries()) {
    bytes.writeUInt32LE(slot, index * 8);
    bytes.writeFloatLE(values[slot] as number, index * 8 + 4);
  }
  return bytes;
}

/** Throws a RangeError on a slot beyond the table. */
function denseValues(bytes: Uint8Array, length: number): Float32Array {
  if (!Number.isInteger(length) || length < 1 || length > 2 ** 24) throw new RangeError('evidence: illegal slot count');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = new Float32Array(length);
  for (let offset = 0; offset + 8 <= bytes.byteLength; offset += 8) {
    const slot = view.getUint32(offset, true);
    if (slot >= length) throw new RangeError('evidence: a slot beyond the table');
    values[slot] = view.getFloat32(offset + 4, true);
  }
  return values;
}
