import { Command } from '@commander-js/extra-typings';
import { jsonLine } from '../../base/text/table.ts';
import { complain, print } from '../print.ts';
import { addKindOptions, chooseKind, settled } from './kind-options.ts';
import { dataOption, modelOption, storedModel } from './stored-model.ts';

/** `testudo explain`: why one recorded trace scored as it did. */
export function explainCommand() {
  const command = new Command('explain')
    .description('say what carried the score of a recorded trace, and what normal looks like instead')
    .argument('<trace>', 'name of the trace')
    .addOption(modelOption())
    .addOption(dataOption())
    .requiredOption('--input <file>', 'the file that holds it')
    .option('--json', 'JSON instead of text')
    .action(async (name, { model: path, data, input, json }) => {
      const model = await storedModel(path, data);
      const { operation, settings } = chooseKind(command, 'explain', model);
      const { detail, text } = settled(await operation.run({ model, name, input, complain, settings }));
      print(json ? jsonLine(detail) : text);
    });
  addKindOptions(command, 'explain');
  return command;
}
