import { Argument, Command, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { print } from '../print.ts';

const shells = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof shells)[number];

/** A command by the words that lead to it, none for `testudo` itself, and what may follow. */
type Place = Readonly<{ path: readonly string[]; verbs: readonly string[]; options: readonly string[] }>;

/** `testudo completion`: what a shell offers after each word. `commands`: every verb that there is here. */
export function completionCommand(commands: () => Promise<readonly CommandUnknownOpts[]>) {
  return new Command('completion')
    .description('a script by which a shell completes verbs and options')
    .addArgument(new Argument('<shell>').choices(shells))
    .addHelpText('after', help)
    .action(async (shell) => print(completionScript(shell, await commands()).trimEnd()));
}

const help = `
bash:  source <(testudo completion bash)          in ~/.bashrc
zsh:   source <(testudo completion zsh)           in ~/.zshrc, after compinit
fish:  testudo completion fish > ~/.config/fish/completions/testudo.fish`;

function completionScript(shell: Shell, commands: readonly CommandUnknownOpts[]): string {
  const verbs = commands.map((command) => command.name());
  const places = [
    { path: [], verbs, options: ['--help', '--version'] },
    ...commands.flatMap((command) => placesBelow([command.name()], command)),
  ];
  switch (shell) {
    case 'bash':
      return bashScript(places);
    case 'zsh':
      return `autoload -U +X bashcompinit && bashcompinit\n${bashScript(places)}`;
    case 'fish':
      return fishScript(places);
  }
}

function placesBelow(path: readonly string[], command: CommandUnknownOpts): readonly Place[] {
  const children = command.commands.filter((child) => child.name() !== 'help');
  const options = command.options.flatMap(({ long }) => (long === undefined || long === null ? [] : [long]));
  return [
    { path, verbs: children.map((child) => child.name()), options: [...options, '--help'] },
    ...children.flatMap((child) => placesBelow([...path, child.name()], child)),
  ];
}

/** Words that are no verbs, such as names and values of options, lead nowhere else: what follows stays the same. */
function bashScript(places: readonly Place[]): string {
  const known = places.map(({ path }) => `'${path.join(' ')}'`).join('|');
  const cases = places.map(
    ({ path, verbs, options }) => `    '${path.join(' ')}') words='${[...verbs, ...options].join(' ')}' ;;`,
  );
  return `_testudo() {
  local current="\${COMP_WORDS[COMP_CWORD]}" place='' next words='' at
  for ((at = 1; at < COMP_CWORD; at++)); do
    next="\${place:+$place }\${COMP_WORDS[at]}"
    case "$next" in ${known}) place="$next" ;; esac
  done
  case "$place" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _testudo testudo
`;
}

function fishScript(places: readonly Place[]): string {
  const lines = places.flatMap(({ path, verbs, options }) => {
    const seen = path.map((word) => `__fish_seen_subcommand_from ${word}`);
    const before = verbs.length === 0 ? seen : [...seen, `not __fish_seen_subcommand_from ${verbs.join(' ')}`];
    const offered =
      verbs.length === 0 ? [] : [`complete -c testudo -n '${before.join('; and ')}' -f -a '${verbs.join(' ')}'`];
    const asked = seen.length === 0 ? '__fish_use_subcommand' : seen.join('; and ');
    const ofPlace = verbs.length === 0 ? options : [];
    return [...offered, ...ofPlace.map((option) => `complete -c testudo -n '${asked}' -l ${option.slice(2)}`)];
  });
  return `${lines.join('\n')}\n`;
}
