import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, Option } from '@commander-js/extra-typings';
import { makeFolder, sharedFileMode, writeFileAtomic } from '../../base/atomic-file.ts';
import type { StoredModel } from '../../client/tracks/model-files.ts';
import { defaultKind } from '../../client/tracks/track-kinds.ts';
import { roundRuleLimits } from '../../coordinator/round/rules.ts';
import { bytesOfValues, layoutOf, valuesOfBytes } from '../../proto/layout.ts';
import { type ModelSpec, schemaDigest, specBytes, specOfBytes } from '../../proto/model-spec.ts';
import { exitWith, orExit, usage } from '../exit.ts';
import { print } from '../print.ts';
import { addKindOptions, chooseKind, settled } from './kind-options.ts';
import { knownKinds } from './kinds.ts';
import { dataOption, modelOption, storedModel } from './stored-model.ts';

/** Of which 2 f + 3 are needed. */
const liarsMax = Math.floor((roundRuleLimits.updatesMax - 3) / 2);

/** `testudo model`: what a new track begins with, and learning on files. */
export function modelCommand() {
  return new Command('model')
    .description(
      'what a new track begins with: its spec and first weights; and learning from files without a federation',
    )
    .addCommand(initCommand())
    .addCommand(trainCommand());
}

function initCommand() {
  const command = new Command('init')
    .description('write spec.json, model.bin and a policy to edit, as `testudo tracks put` takes them')
    .argument('[folder]', 'where the files go', '.')
    .option('--liars <f>', 'how many of the clusters may be hostile at a time', '1')
    .option('--seed <number>', 'of the first weights', '1')
    .action(async (folder, { liars, seed }) => {
      const f = liarsOf(liars);
      checkSeed(seed);
      const { kind, operation, settings } = chooseKind(command, 'init');
      refuseReplacing(folder);
      const { spec, init } = settled(await operation.run({ settings }));
      await writeFirstModel(folder, { spec, weights: init(Number(seed)), policy: policyText(f, operation.training) });
      print(`spec.json (${schemaDigest(spec)}), model.bin and policy.yaml are in ${folder}
make the track     testudo tracks put ${kind.name} --spec ${join(folder, 'spec.json')} --model ${join(folder, 'model.bin')} --policy ${join(folder, 'policy.yaml')} --reason "first model"`);
    });
  addKindOptions(command, 'init');
  return command;
}

/** Ends the process where one of the files is there: a policy may have been edited since, and is nowhere else. */
function refuseReplacing(folder: string): void {
  const there = ['spec.json', 'model.bin', 'policy.yaml'].filter((name) => existsSync(join(folder, name)));
  if (there.length === 0) return;
  const message = `${folder} holds ${there.join(', ')} already; name another folder, or remove them first`;
  exitWith({ code: 'OUTPUT_EXISTS', message });
}

/** What a new track begins with, each in a file of its own. */
type FirstModel = Readonly<{ spec: ModelSpec; weights: Float32Array; policy: string }>;

async function writeFirstModel(folder: string, { spec, weights, policy }: FirstModel): Promise<void> {
  makeFolder(folder);
  const mode = sharedFileMode;
  await writeFileAtomic(join(folder, 'spec.json'), specBytes(spec), { mode });
  await writeFileAtomic(join(folder, 'model.bin'), bytesOfValues(weights), { mode });
  await writeFileAtomic(join(folder, 'policy.yaml'), policy, { mode });
}

/**
 * The syscall track of a new federation, for these workload classes, into a folder. `liars`: how many clusters may be
 * hostile at a time.
 */
export async function writeSyscallTrack(folder: string, classes: readonly string[], liars: number): Promise<void> {
  const kind = knownKinds.find(({ name }) => name === defaultKind);
  const operation = kind?.offline.init;
  if (operation === undefined) throw new Error(`${defaultKind} brings no first model`);
  const defaults = operation.options.map(
    ({ flags, default: value }) => [new Option(flags).attributeName(), value] as const,
  );
  const { spec, init } = settled(await operation.run({ settings: { ...Object.fromEntries(defaults), classes } }));
  await writeFirstModel(folder, { spec, weights: init(1), policy: policyText(liars, operation.training) });
}

/** Learning without a federation: what a model is worth on data at hand. */
function trainCommand() {
  const command = new Command('train')
    .description('learn from the normal part of files, and write the model as a folder that score and evaluate read')
    .addOption(modelOption())
    .addOption(dataOption())
    .requiredOption('--input <file...>', 'files to learn from')
    .requiredOption('--output <folder>', 'where the model goes')
    .option('--seed <number>', 'of the order of examples', '1')
    .action(async ({ model: path, data, input: inputs, output, seed }) => {
      checkSeed(seed);
      const model = (await newModel(path)) ?? (await storedModel(path, data));
      const { operation, settings } = chooseKind(command, 'train', model);
      print(settled(await operation.run({ model, inputs, output, seed: Number(seed), settings })).text);
    });
  addKindOptions(command, 'train');
  return command;
}

/** More clusters than a round can have cannot lie in one. */
export function liarsOf(text: string): number {
  const f = Number(text);
  if (/^\d{1,9}$/.test(text) && f <= liarsMax) return f;
  return usage(`--liars: expected a whole number from 0 to ${liarsMax}, got ${text}`);
}

function checkSeed(seed: string): void {
  if (!/^\d{1,9}$/.test(seed)) usage(`--seed: expected a whole number from 0 to 999999999, got ${seed}`);
}

/** What `model init` wrote into a folder; undefined where it is none of its. */
async function newModel(where: string): Promise<StoredModel | undefined> {
  const read = (name: string) => readFile(join(where, name)).catch(() => undefined);
  const [json, bytes] = [await read('spec.json'), await read('model.bin')];
  if (json === undefined || bytes === undefined) return undefined;
  const spec = orExit(specOfBytes(json));
  return { where, spec, weights: orExit(valuesOfBytes(layoutOf(spec), bytes)), files: new Map() };
}

/** A policy to start from: what people change, the rest by default. */
function policyText(f: number, training: string): string {
  return `# How rounds of this track run; \`testudo tracks schema\` lists every setting with its range.
aggregation:
  f: ${f}                       # of the updates in a round, so many may be anything at all
  admission: { normMax: 1.0e+15, zeroUpdate: admit }   # a cluster that has learnt nothing new sends zeros
rounds:
  goal: { kind: share, ofEnrolled: 1 }
  quorum: { kind: share, ofCohort: 0.75 }
  recruitForMs: 600000       # wait so long for clusters to connect
  collectForMs: 7200000      # and so long for their updates
  graceMs: 60000             # and once all but f are there (but one where f is 0), so long for those, or as long again as they took
${training}
# schedule: { cron: "0 2 * * *", timeZone: Europe/Berlin }   # without one, rounds open when an operator says so
`;
}
