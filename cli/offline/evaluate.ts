import { Command } from '@commander-js/extra-typings';
import { jsonLine } from '../../base/text/table.ts';
import { openRates } from '../../client/scoring/offline/file-judge.ts';
import { complain, print } from '../print.ts';
import { FirstComplaints } from './complaints.ts';
import { addKindOptions, chooseKind, settled } from './kind-options.ts';
import { dataOption, modelOption, storedModel } from './stored-model.ts';

/** `testudo evaluate`: how well a model tells hostile from benign in labelled files. */
export function evaluateCommand() {
  const command = new Command('evaluate')
    .description(
      'measure a model on labelled files: AUC, detection at 1 % and 5 % false alarms, by family and by what the track tells apart',
    )
    .addOption(modelOption())
    .addOption(dataOption())
    .requiredOption('--input <file...>', 'labelled files')
    .option('--json', 'one JSON object instead of tables')
    .action(async ({ model: path, data, input: inputs, json }) => {
      const model = await storedModel(path, data);
      const { operation, settings } = chooseKind(command, 'evaluate', model);
      const complaints = new FirstComplaints(complain);
      const ended = await operation.run({ model, inputs, complain: complaints.add, openRates, settings });
      complaints.rest();
      const { detail, text } = settled(ended);
      print(json ? jsonLine(detail) : text);
    });
  addKindOptions(command, 'evaluate');
  return command;
}
