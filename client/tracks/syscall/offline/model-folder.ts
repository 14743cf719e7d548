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
import { ok, type Result, refuse } from '../../../../base/fault.ts';
import { bytesOfValues } from '../../../../proto/layout.ts';
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import type { Detector } from '../../detector.ts';
import {
  jsonBytes,
  type ModelFolderFaultCode,
  parsedFile,
  readStoredModel,
  type StoredModel,
  writeModelFiles,
} from '../../model-files.ts';
import { openDetector } from '../architectures.ts';
import { type Calibration, LocalMemory } from '../memory/local-memory.ts';
import { memoryViewsOf } from '../memory/memory-views.ts';
import { ProfileMemory, type ProfileRecord } from '../memory/profile-memory.ts';
import { type ClusterState, classesOf, type SyscallModel } from '../scoring/scoring.ts';
import type { WorkloadClasses } from '../traces/workload-classes.ts';

type ClusterFile = Readonly<{
  slots: number;
  calibrations: readonly Readonly<{ class: string } & Calibration>[];
  profiles: readonly Readonly<{ class: string; profiles: readonly ProfileRecord[] }>[];
  /** As of `ClusterState`; folders of before it was kept have none. */
  classless?: readonly string[];
}>;

/** Writes a model as a folder; what was in the folder before is removed. Throws when the disk refuses. */
export async function saveModelFolder(path: string, model: SyscallModel): Promise<void> {
  const files = new Map<string, Uint8Array>([
    ['spec.json', jsonBytes(model.detector.spec)],
    ['weights.bin', bytesOfValues(model.weights)],
  ]);
  const classes = classesOf(model.detector.spec);
  for (const [name, state] of model.clusters) {
    files.set(`clusters/${name}.json`, jsonBytes(clusterFile(state, classes)));
    files.set(`clusters/${name}.bin`, sparseBytes(state.memory.evidence));
  }
  await writeModelFiles(path, files);
}

/** Reads a model folder, every file checked against the manifest. */
export async function loadModelFolder(path: string): Promise<Result<SyscallModel, ModelFolderFaultCode>> {
  const stored = await readStoredModel(path);
  return stored.ok ? await syscallModelOf(stored.value) : stored;
}

/** What a stored model is worth to this track. Without files of clusters it scores as a cluster that has just joined would. */
export async function syscallModelOf({
  where,
  spec,
  weights,
  files,
}: StoredModel): Promise<Result<SyscallModel, ModelFolderFaultCode>> {
  let detector: Detector;
  try {
    detector = await openDetector(spec);
  } catch (error) {
    return refuse('MODEL_UNKNOWN', `${where}: ${error instanceof Error ? error.message : error}`);
  }
  try {
    return ok({ detector, weights, clusters: clustersOf(files, spec) });
  } catch (error) {
    return refuse(
      'MODEL_DAMAGED',
      `${where}: ${error instanceof Error ? error.message : error}; copy the folder again`,
    );
  }
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
    ...(state.classless !== undefined && state.classless.size > 0 && { classless: [...state.classless] }),
  };
}

function clustersOf(files: ReadonlyMap<string, Uint8Array>, spec: ModelSpec): Map<string, ClusterState> {
  const classes = classesOf(spec);
  const views = memoryViewsOf(spec);
  const clusters = new Map<string, ClusterState>();
  for (const name of files.keys()) {
    const cluster = /^clusters\/(.+)\.json$/.exec(name)?.[1];
    if (cluster === undefined) continue;
    const file = parsedFile(files, name) as ClusterFile;
    const evidence = denseValues(files.get(`clusters/${cluster}.bin`) ?? new Uint8Array(0), file.slots);
    const profiles = new Map(
      file.profiles.map((one) => [classes.idOf(one.class), ProfileMemory.fromRecords(one.profiles)] as const),
    );
    const calibrations = new Map(
      file.calibrations.map(({ class: service, ...one }) => [classes.idOf(service), one] as const),
    );
    const memory = new LocalMemory(views, classes, evidence, profiles);
    clusters.set(cluster, { memory, calibrations, classless: new Set(file.classless) });
  }
  return clusters;
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
