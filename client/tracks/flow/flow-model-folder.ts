/**
 * A model of the flow track as a folder: as in client/tracks/syscall/offline/model-folder.ts, with clusters/NAME.json holding what that cluster
 * remembers of its own graph. A folder of weights alone, as a federation shares them, has no clusters.
 */
import { ok, type Result, refuse } from '../../../base/fault.ts';
import { bytesOfValues } from '../../../proto/layout.ts';
import type { ModelSpec } from '../../../proto/model-spec.ts';
import {
  jsonBytes,
  type ModelFolderFaultCode,
  parsedFile,
  readStoredModel,
  type StoredModel,
  writeModelFiles,
} from '../model-files.ts';
import { type FlowClusterRecord, type FlowClusterState, recordOf, stateOf } from './cluster-state.ts';
import { columnsOfSpec, linkSizes } from './link/link-model.ts';

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

/** Reads a folder, every file checked against the manifest. */
export async function loadFlowModel(path: string): Promise<Result<FlowModel, ModelFolderFaultCode>> {
  const stored = await readStoredModel(path);
  return stored.ok ? flowModelOf(stored.value) : stored;
}

/** What a stored model is worth to this track. Link models only: they are what scores edges. */
export function flowModelOf({ where, spec, weights, files }: StoredModel): Result<FlowModel, ModelFolderFaultCode> {
  try {
    linkSizes(spec);
  } catch (error) {
    return refuse('MODEL_UNKNOWN', `${where}: ${(error as Error).message}`);
  }
  const clusters = new Map<string, FlowClusterState>();
  try {
    const columns = columnsOfSpec(spec);
    for (const name of files.keys()) {
      const cluster = /^clusters\/(.+)\.json$/.exec(name)?.[1];
      if (cluster !== undefined) clusters.set(cluster, stateOf(parsedFile(files, name) as FlowClusterRecord, columns));
    }
  } catch (error) {
    return refuse('MODEL_DAMAGED', `${where}: ${(error as Error).message}; copy the folder again`);
  }
  return ok({ spec, weights, clusters });
}
