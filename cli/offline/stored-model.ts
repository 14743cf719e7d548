import { existsSync } from 'node:fs';
import { Option } from '@commander-js/extra-typings';
import { shortDigest } from '../../base/text/table.ts';
import { heldDigests, heldModel } from '../../client/held-model.ts';
import { readStoredModel, type StoredModel } from '../../client/tracks/model-files.ts';
import { type Digest, isDigest } from '../../proto/ids.ts';
import { exitWith, orExit } from '../exit.ts';

/** Where the model of an offline command lies. */
export function modelOption() {
  return new Option(
    '--model <path|digest>',
    'model folder, such as out/model; or, with --data, the digest of a model that a client holds: sha256:…, its 64 digits, or as few of them as name one',
  ).makeOptionMandatory();
}

/** Where a model named by its digest lies. */
export function dataOption() {
  return new Option('--data <folder>', "a client's data directory, for --model DIGEST");
}

/** Digits that name a model among those that a client holds. */
const digitsMin = 6;

/** The model that --model and --data name. One named by its digest scores as a cluster that has just joined would. */
export async function storedModel(model: string, data: string | undefined): Promise<StoredModel> {
  const digits = /^(?:sha256:)?([0-9a-f]{6,64})$/.exec(model)?.[1];
  const isFolder = !model.startsWith('sha256:') && existsSync(model);
  if (digits === undefined || (data === undefined && isFolder)) return orExit(await readStoredModel(model));
  if (data === undefined) {
    return exitWith({
      code: 'USAGE',
      message: '--model DIGEST needs --data, the data directory of the client that holds it',
    });
  }
  const digest = await namedModel(data, digits);
  return { where: digest, ...orExit(await heldModel(data, digest)), files: new Map() };
}

async function namedModel(data: string, digits: string): Promise<Digest> {
  const whole = `sha256:${digits}`;
  if (isDigest(whole)) return whole;
  const held = [...(await heldDigests(data))];
  const named = held.filter((digest) => digest.startsWith(whole));
  if (named.length === 1 && named[0] !== undefined) return named[0];
  const known = held.map(shortDigest).join(', ') || 'none';
  const message = `${digits} names ${named.length} of the models in ${data}; give ${digitsMin} digits or more of one of: ${known}`;
  return exitWith({ code: 'MODEL_NOT_HELD', message });
}
