import { Option } from '@commander-js/extra-typings';
import { openDetector } from '../client/detectors/syscall/architectures.ts';
import { abis } from '../client/detectors/syscall/vocabulary.ts';
import { heldModel } from '../client/held-model.ts';
import { loadModelFolder } from '../client/model-folder.ts';
import type { SyscallModel } from '../client/scoring.ts';
import { isDigest } from '../proto/ids.ts';
import { exitWith, orExit } from './exit.ts';

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
