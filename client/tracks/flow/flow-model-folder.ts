/**
 * A model of the flow track as a folder: as in client/tracks/syscall/offline/model-folder.ts, with clusters/NAME.json holding what that cluster
 * remembers of its own graph. A folder of weights alone, as a federation shares them, has no clusters.
 */
import { ok, type Result, refuse } from '../../../base/fault.ts';
import { bytesOfValues, layoutOf, valuesOfBytes } from '../../../proto/layout.ts';
import { checkSpec, type ModelSpec } from '../../../proto/model-spec.ts';
import { jsonBytes, type ModelFolderFaultCode, parsedFile, readModelFiles, writeModelFiles } from '../model-files.ts';
import { type FlowClusterRecord, type FlowClusterState, recordOf, stateOf } from './cluster-state.ts';
import { linkSizes } from './link/link-model.ts';

export type FlowModel = Readonly<{
  spec: ModelSpec;
  /** The federated weights, flat. */
  weights: Float32Array;
  /** Cluster id to its local part. */
  clusters: ReadonlyMap<string, FlowClusterState>;
}>;

/** Throws when the disk refuses. */
export async function saveFlowModel(path: string, { spec, weights, clusters }: FlowModel): Promise<void> {
  const files = new Map<string, Uint8Array>([
    ['spec.json', jsonBytes(spec)],
    ['weights.bin', bytesOfValues(weights)],
  ]);
  for (const [name, state] of clusters) files.set(`clusters/${name}.json`, jsonBytes(recordOf(state)));
  await writeModelFiles(path, files);
}

/** Reads a folder, every file checked against the manifest. Link models only: they are what scores edges. */
export async function loadFlowModel(path: string): Promise<Result<FlowModel, ModelFolderFaultCode>> {
  const files = await readModelFiles(path);
  if (!files.ok) return files;
  const spec = checkSpec(parsedFile(files.value, 'spec.json'));
  if (!spec.ok) return refuse('MODEL_DAMAGED', `${path}: spec.json: ${spec.fault.message}`);
  try {
    linkSizes(spec.value);
  } catch (error) {
    return refuse('MODEL_UNKNOWN', `${path}: ${(error as Error).message}`);
  }
  const weights = valuesOfBytes(layoutOf(spec.value), files.value.get('weights.bin') ?? new Uint8Array(0));
  if (!weights.ok) return refuse('MODEL_DAMAGED', `${path}: weights.bin: ${weights.fault.message}`);
  const clusters = new Map<string, FlowClusterState>();
  try {
    for (const name of files.value.keys()) {
      const cluster = /^clusters\/(.+)\.json$/.exec(name)?.[1];
      if (cluster !== undefined) clusters.set(cluster, stateOf(parsedFile(files.value, name) as FlowClusterRecord));
    }
  } catch (error) {
    return refuse('MODEL_DAMAGED', `${path}: ${(error as Error).message}; copy the folder again`);
  }
  return ok({ spec: spec.value, weights: weights.value, clusters });
}
