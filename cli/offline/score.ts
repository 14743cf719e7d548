import { Command } from '@commander-js/extra-typings';
import { openRates } from '../../client/scoring/offline/file-judge.ts';
import { complain } from '../print.ts';
import { addKindOptions, chooseKind, settled } from './kind-options.ts';
import { refuseOverwriting } from './overwriting.ts';
import { dataOption, modelOption, storedModel } from './stored-model.ts';

/** `testudo score`: scores a recorded file with a model, offline. */
export function scoreCommand() {
  const command = new Command('score')
    .description('score a recorded file with a model: traces, flows, or what a track of your own reads')
    .addOption(modelOption())
    .addOption(dataOption())
    .requiredOption('--input <file>', 'what is scored')
    .requiredOption('--output <file>', 'where the scores go; "-" for standard output')
    .action(async ({ model: path, data, input, output }) => {
      const { normal } = command.opts() as { normal?: string };
      refuseOverwriting(output, normal === undefined ? [input] : [input, normal]);
      const model = await storedModel(path, data);
      const { operation, settings } = chooseKind(command, 'score', model);
      complain(settled(await operation.run({ model, input, output, openRates, settings })));
    });
  addKindOptions(command, 'score');
  return command;
}
