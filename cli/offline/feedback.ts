import { userInfo } from 'node:os';
import { Argument, Command } from '@commander-js/extra-typings';
import { readClientConfig } from '../../client/config.ts';
import { feedbackVerdicts, leaveFeedback } from '../../client/scoring/feedback.ts';
import { complain, print } from '../print.ts';

/** `testudo feedback ALERT false-positive|confirmed`: an operator's word on an alert. */
export function feedbackCommand() {
  return new Command('feedback')
    .description('Say what an alert was: false positives are learnt as normal, confirmed intrusions never are.')
    .argument('<alert>', 'the alert’s id, such as a-0123456789abcdef')
    .addArgument(new Argument('<verdict>', 'what it was').choices(feedbackVerdicts))
    .option('-c, --config <file>', "the client's configuration")
    .option('-d, --data <folder>', "the client's data directory, instead of its configuration")
    .option('--by <name>', 'who says so', userInfo().username)
    .action(async (alert, verdict, { config: path, data, by }) => {
      const folder = data ?? dataDirectory(path);
      if (folder === undefined) return;
      const left = await leaveFeedback(folder, alert, verdict, by, Date.now());
      if (!left.ok) return fail(left.fault.message);
      print(`${alert}: ${verdict}; the client takes it in within seconds, or when it starts`);
    });
}

function dataDirectory(path: string | undefined): string | undefined {
  const config = readClientConfig(path, { environment: process.env });
  if (config.ok) return config.value.dataDirectory;
  fail(config.fault.message);
  return undefined;
}

function fail(message: string): void {
  complain(`testudo feedback: ${message}`);
  process.exitCode = 1;
}
