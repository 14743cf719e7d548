import { Command, type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import { chosenContext } from './contexts.ts';

/** A command that calls a coordinator: the options that all of them have. */
export function operatorCommand(name: string, summary: string) {
  return new Command(name)
    .description(summary)
    .addOption(
      new Option('-c, --credentials <file>', "the operator's credentials, as `testudo coordinator init` writes them")
        .env('TESTUDO_CREDENTIALS')
        .default('./operator.json'),
    )
    .addOption(
      new Option('--context <name>', 'another federation than the current one (`testudo context`)').env(
        'TESTUDO_CONTEXT',
      ),
    )
    .addOption(
      new Option(
        '--address <host:port>',
        'where the coordinator is, if not where the credentials say; several with commas between',
      ),
    )
    .addOption(new Option('--json', 'one JSON value a line, for programs'))
    .hook('preAction', (_, command) => takeContext(command));
}

/** Credentials that are said count, with the address that is said beside them; otherwise both are the context's, where there is one. */
function takeContext(command: CommandUnknownOpts): void {
  const said = command.getOptionValueSource('credentials');
  if (said !== 'default' && said !== undefined) return;
  const context = chosenContext(command.getOptionValue('context') as string | undefined);
  if (context === undefined) return;
  command.setOptionValue('credentials', context.credentials);
  if (command.getOptionValue('address') === undefined) command.setOptionValue('address', context.address);
}

/** As `changingCommand`, for what can be tried first. */
export function triableCommand(name: string, summary: string) {
  return changingCommand(name, summary).option('--dry-run', 'say what would happen to which clusters, and do nothing');
}

/** As `operatorCommand`, for what changes something: the reason goes into the audit log. */
export function changingCommand(name: string, summary: string) {
  return operatorCommand(name, summary).requiredOption('-r, --reason <text>', 'why; goes into the audit log');
}
