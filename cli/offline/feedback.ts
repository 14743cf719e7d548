import { Argument, Command } from '@commander-js/extra-typings';
import { jsonLine } from '../../base/text/table.ts';
import { feedbackVerdicts, leaveFeedback } from '../../client/scoring/feedback.ts';
import { isFamily } from '../../proto/antibody.ts';
import { orExit, usage } from '../exit.ts';
import { localClient } from '../local-client.ts';
import { ownName } from '../own-name.ts';
import { complain, print } from '../print.ts';

const withdrawn = (alert: string, family: string) =>
  `${alert} was confirmed as ${family} until now: this client's antibody of ${family} is made without it; one that was put in force with it ` +
  'stays so until `testudo antibodies revoke`';

/** `testudo feedback ALERT false-positive|confirmed`: an operator's word on an alert. */
export function feedbackCommand() {
  return new Command('feedback')
    .description('Say what an alert was: false positives are learnt as normal, confirmed intrusions never are.')
    .argument('<alert>', 'the alert’s id, such as a-0123456789abcdef')
    .addArgument(new Argument('<verdict>', 'what it was').choices(feedbackVerdicts))
    .option('-c, --config <file>', "the client's configuration")
    .option('-d, --data <folder>', "the client's data directory, instead of its configuration")
    .option('--by <name>', 'who says so', ownName())
    .option('--family <name>', 'what a confirmed attack is called: alerts of one name become an antibody')
    .option('--json', 'as JSON')
    .action(async (alert, verdict, { config: path, data, by, family, json }) => {
      if (family !== undefined && (verdict !== 'confirmed' || !isFamily(family))) {
        usage('--family names a confirmed attack: 1 to 63 of a-z, 0-9, "-" and "_"');
      }
      const folder = data ?? localClient(path, ', or its data with --data FOLDER').dataDirectory;
      const { noLonger } = orExit(await leaveFeedback(folder, alert, { verdict, by, family }, Date.now()));
      if (noLonger !== undefined) complain(withdrawn(alert, noLonger));
      if (json) return print(jsonLine({ alert, verdict, by, family }));
      print(`${alert}: ${verdict}; the client takes it in within seconds, or when it starts`);
    });
}
