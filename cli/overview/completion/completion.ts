import { Argument, Command, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { print } from '../../print.ts';
import { bashScript } from './bash.ts';
import { fishScript } from './fish.ts';
import { placesOf } from './places.ts';
import { zshScript } from './zsh.ts';

const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript };
const shells = ['bash', 'zsh', 'fish'] as const satisfies readonly (keyof typeof scripts)[];

/** `testudo completion`: what a shell offers after each word. `commands`: every verb that there is here. */
export function completionCommand(commands: () => Promise<readonly CommandUnknownOpts[]>) {
  return new Command('completion')
    .description('a script by which a shell completes verbs and options')
    .addArgument(new Argument('<shell>').choices(shells))
    .addHelpText('after', help)
    .action(async (shell) => print(scripts[shell](placesOf(await commands())).trimEnd()));
}

const help = `
bash:  source <(testudo completion bash)          in ~/.bashrc
zsh:   source <(testudo completion zsh)           in ~/.zshrc, after compinit
fish:  testudo completion fish > ~/.config/fish/completions/testudo.fish`;
