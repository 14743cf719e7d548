import { Option } from '@commander-js/extra-typings';
import { heldModel } from '../../client/held-model.ts';
import { readStoredModel, type StoredModel } from '../../client/tracks/model-files.ts';
import { isDigest } from '../../proto/ids.ts';
import { exitWith, orExit } from '../exit.ts';

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
export async function storedModel(model: string, data: string | undefined): Promise<StoredModel> {
  if (!isDigest(model)) return orExit(await readStoredModel(model));
  if (data === undefined) {
    return exitWith({
      code: 'USAGE',
      message: '--model DIGEST needs --data, the data directory of the client that holds it',
    });
  }
  return { where: model, ...orExit(await heldModel(data, model)), files: new Map() };
}
