import { Command, Option } from '@commander-js/extra-typings';

/** A command that calls a coordinator: the options that all of them have. */
export function operatorCommand(name: string, summary: string) {
  return new Command(name)
    .description(summary)
    .addOption(
      new Option('-c, --credentials <file>', "the operator's credentials, as `testudo coordinator init` writes them")
        .env('TESTUDO_CREDENTIALS')
        .default('./operator.json'),
    )
    .addOption(new Option('--address <host:port>', 'where the coordinator is, if not where the credentials say'))
    .addOption(new Option('--json', 'one JSON value a line, for programs'));
}

/** As `changingCommand`, for what can be tried first. */
export function triableCommand(name: string, summary: string) {
  return changingCommand(name, summary).option('--dry-run', 'say what would happen to which clusters, and do nothing');
}

/** As `operatorCommand`, for what changes something: the reason goes into the audit log. */
export function changingCommand(name: string, summary: string) {
  return operatorCommand(name, summary).requiredOption('-r, --reason <text>', 'why; goes into the audit log');
}
