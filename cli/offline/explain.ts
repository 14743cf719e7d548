import { Command } from '@commander-js/extra-typings';
import { jsonLine } from '../../base/text/table.ts';
import { isAlertId } from '../../client/scoring/alert.ts';
import { explainedAlert, storedAlert } from '../alerts/explained-alert.ts';
import { alertPlaces } from '../alerts/places.ts';
import { usage } from '../exit.ts';
import { complain, print } from '../print.ts';
import { addKindOptions, chooseKind, settled } from './kind-options.ts';
import { dataOption, modelOption, storedModel } from './stored-model.ts';

/** `testudo explain`: why one recorded trace scored as it did, or what a stored alert is about. */
export function explainCommand() {
  const command = new Command('explain')
    .description("say what carried an alert's score, or a recorded trace's, and what normal looks like instead")
    .argument('<alert|trace>', "an alert's id, as `testudo alerts list` beside a client has it; or the name of a trace")
    .option('-c, --config <file>', "of an alert: the client's configuration")
    .addOption(modelOption().makeOptionMandatory(false))
    .addOption(dataOption())
    .option('--input <file>', 'the file that holds the trace')
    .option('--json', 'JSON instead of text')
    .action(async (name, { model: path, data, input, json, config }) => {
      if (isAlertId(name) && input === undefined) {
        const alert = await storedAlert(alertPlaces({ config, data }).alertFile, name);
        return print(json ? jsonLine(alert) : explainedAlert(alert));
      }
      if (path === undefined || input === undefined)
        return usage('a trace needs --model and --input; an alert neither');
      const model = await storedModel(path, data);
      const { operation, settings } = chooseKind(command, 'explain', model);
      const { detail, text } = settled(await operation.run({ model, name, input, complain, settings }));
      print(json ? jsonLine(detail) : text);
    });
  addKindOptions(command, 'explain');
  return command;
}
