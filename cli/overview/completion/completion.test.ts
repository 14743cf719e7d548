import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tempDir } from '../../../coordinator/testing/temp-dir.ts';
import { runTestudo } from '../../testing/command-line.ts';

const shells = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof shells)[number];

/** What is typed before the key for completion, and the one word that the shell then puts in the place of the last one. */
const completed = [
  { typed: 'stat', word: 'status' },
  { typed: 'rounds op', word: 'open' },
  { typed: 'rounds open syscall --wai', word: '--wait' },
  { typed: 'coordinator in', word: 'init' },
  { typed: 'audit list --who rounds --si', word: '--since' }, // A value is no verb.
  { typed: 'nonsense roun', word: 'rounds' },
  { typed: 'completion zs', word: 'zsh' },
] as const;

const scripts = new Map<Shell, string>();
beforeAll(async () => {
  const folder = tempDir(afterAll);
  for (const shell of shells) {
    const { code, out, error } = await runTestudo('completion', shell);
    expect({ code, error }).toEqual({ code: 0, error: '' });
    scripts.set(shell, join(folder, shell));
    writeFileSync(scripts.get(shell) as string, out);
  }
}, 600_000);

describe('testudo completion, in a real shell', { timeout: 600_000 }, () => {
  it('bash offers the verbs and options that there are, after every word', () => {
    const offered = (typed: string) => {
      const words = ['testudo', ...typed.split(' ')];
      const ask = `. "$0"; COMP_WORDS=("$@"); COMP_CWORD=${words.length - 1}; _testudo; printf '%s\\n' "\${COMPREPLY[@]}"`;
      return told('bash', ['--norc', '-c', ask, scripts.get('bash') as string, ...words]).split('\n');
    };
    for (const { typed, word } of completed) expect({ typed, is: offered(typed) }).toEqual({ typed, is: [word] });
    expect(offered('rounds ')).toEqual(expect.arrayContaining(['list', 'show', 'open', 'plan', '--help']));
    expect(offered('').slice(0, 6)).toEqual(['demo', 'up', 'down', 'setup', 'status', 'dashboard']); // As --help has them.
  });

  it('fish offers them with what they are for', () => {
    const offered = (typed: string) => {
      const ask = 'source $argv[1]; complete -C $argv[2]';
      const out = told('fish', ['--no-config', '-c', ask, scripts.get('fish') as string, `testudo ${typed}`]);
      return out.split('\n').map((line) => line.split('\t'));
    };
    for (const { typed, word } of completed) {
      expect({ typed, is: offered(typed).map(([is]) => is) }).toEqual({ typed, is: [word] });
    }
    const verbs = offered('');
    expect(verbs.slice(0, 4).map(([is]) => is)).toEqual(['demo', 'up', 'down', 'setup']);
    expect(verbs).toContainEqual(['rounds', expect.stringContaining('rounds: ')]);
    expect(offered('score --model /et')).toEqual([['/etc/']]); // Files where no verb can stand.
  });

  it('zsh types them for whoever presses the key, and lists verbs under the headings of --help', () => {
    const folder = tempDir();
    writeFileSync(join(folder, 'drive'), zshAtKeyboard);
    const asked = completed.map(({ typed }) => typed);
    const [listed, ...lines] = told('zsh', ['-f', join(folder, 'drive'), scripts.get('zsh') as string, ...asked], {
      ZDOTDIR: folder,
    })
      .split('\0')
      .map((part) => part.trim());
    expect(lines).toEqual(completed.map(({ typed, word }) => [...typed.split(' ').slice(0, -1), word].join(' ')));
    const at = ['[Rounds]', 'simulate ', '[Releases]', 'rollback ', '[Offline, on recordings]', 'evaluate '].map(
      (text) => listed?.indexOf(text),
    );
    expect(at).not.toContain(-1);
    expect(at).toEqual(at.toSorted((a, b) => Number(a) - Number(b)));
  });
});

it('refuses a shell that it does not know', async () => {
  expect((await runTestudo('completion', 'tcsh')).code).toBe(2);
});

/**
 * Sits at the keyboard of an interactive zsh: prints what it lists at `testudo ` and, for each further argument, the words that a
 * command called testudo was given once the key for completion was pressed; between them NUL.
 */
const zshAtKeyboard = `
zmodload zsh/zpty
zpty shell 'TERM=dumb zsh -f -i'
zpty -w -n shell "stty rows 200 columns 120; PROMPT='ready''>'; autoload -U compinit && compinit -u -D; source $1"$'\\r'
zpty -r shell seen '*ready>*'
zpty -w -n shell "zstyle ':completion:*' format '[%d]'; zstyle ':completion:*' group-name ''"$'\\r'
zpty -r shell seen '*ready>*'
zpty -w -n shell "testudo() { print -r -- '<''<'\\"\\$*\\"'>''>' }"$'\\r'
zpty -r shell seen '*ready>*'
zpty -w -n shell $'testudo \\t'
zpty -r shell seen '*[[]This command]*man *'
print -rn -- "$seen"
zpty -w -n shell $'\\x15'
shift
for typed in "$@"; do
  zpty -w -n shell "testudo $typed"$'\\t\\r'
  zpty -r shell seen '*>>*ready>*'
  print -rn -- $'\\0'"\${\${seen##*<<}%%>>*}"
done
`;

/** What a shell prints; nothing may stand on its standard error. */
function told(shell: Shell, words: readonly string[], more: NodeJS.ProcessEnv = {}): string {
  const env = { ...process.env, ...more };
  const { error, status, stdout, stderr } = spawnSync(shell, words, { encoding: 'utf8', env, timeout: 300_000 });
  expect({ shell, error, status, stderr }).toEqual({ shell, error: undefined, status: 0, stderr: '' });
  return stdout.trimEnd();
}
