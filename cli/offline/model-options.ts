import { Option } from '@commander-js/extra-typings';
import { isBenign, type Trace } from '../../client/events/trace.ts';
import { abis } from '../../client/events/vocabulary.ts';
import { heldModel } from '../../client/held-model.ts';
import { readTraceFile, type TraceFileOptions } from '../../client/recordings/trace-file.ts';
import { openDetector } from '../../client/tracks/syscall/architectures.ts';
import { loadModelFolder } from '../../client/tracks/syscall/offline/model-folder.ts';
import { learnClusterState, type SyscallModel } from '../../client/tracks/syscall/scoring/scoring.ts';
import { isDigest } from '../../proto/ids.ts';
import { exitWith, orExit, usage } from '../exit.ts';

/** Where the model of an offline command lies. */
export function modelOption() {
  return new Option(
    '--model <path|digest>',
    'model folder, such as out/model; or the digest of a model that a client holds, with --data',
  ).makeOptionMandatory();
}

/** Where a model named by its digest lies. */
export function dataOption() {
  return new Option('--data <folder>', "a client's data directory, for --model DIGEST");
}

/** The model that --model and --data name. One named by its digest scores as a cluster that has just joined would. */
export async function openSyscallModel(model: string, data: string | undefined): Promise<SyscallModel> {
  if (!isDigest(model)) return orExit(await loadModelFolder(model));
  if (data === undefined) {
    return exitWith({
      code: 'USAGE',
      message: '--model DIGEST needs --data, the data directory of the client that holds it',
    });
  }
  const { spec, weights } = orExit(await heldModel(data, model));
  try {
    return { detector: await openDetector(spec), weights, clusters: new Map() };
  } catch (error) {
    return exitWith({ code: 'MODEL_UNKNOWN', message: (error as Error).message });
  }
}

/** How an input file's call numbers are to be read. */
export function abiOption() {
  return new Option('--abi <abi>', 'numbering of the system calls in the input').choices(abis).default(abis[0]);
}

/** How much each call counts in a trace's score. */
export function callWeightsOption() {
  return new Option(
    '--call-weights <weights>',
    'syscall, with --normal: tfidf lets calls that few normal traces of the workload make count more',
  )
    .choices(['none', 'tfidf'])
    .default('none' as const);
}

/**
 * A model whose clusters learn their local part anew from a file's normal traces of the split "train", cluster by cluster,
 * with these call weights. They have to be known for every score, and calibrations hold for the weights they were made with.
 */
export async function relearnt(
  model: SyscallModel,
  normal: string | undefined,
  callWeights: 'none' | 'tfidf',
  options: TraceFileOptions,
): Promise<SyscallModel> {
  if (normal === undefined) {
    if (callWeights === 'none') return model;
    return usage('--call-weights tfidf needs --normal, a trace file whose split "train" says what is normal');
  }
  const traces: Trace[] = [];
  for await (const item of readTraceFile(normal, options)) {
    if (item.kind === 'broken') return exitWith(item.fault);
    if (item.kind === 'trace' && item.trace.split === 'train' && isBenign(item.trace)) traces.push(item.trace);
  }
  const byCluster = Map.groupBy(traces, ({ cluster }) => cluster ?? '');
  if (byCluster.has('')) return usage(`--normal: ${normal} needs a cluster column: scores are local to a cluster`);
  const { detector, weights } = model;
  const learn = (own: readonly Trace[]) => learnClusterState(detector, weights, own, callWeights);
  return { ...model, clusters: new Map([...byCluster].map(([cluster, own]) => [cluster, learn(own)])) };
}
