import type { CommandUnknownOpts } from '@commander-js/extra-typings';

/** A word that may follow, and what it is for. */
export type Word = Readonly<{ word: string; about: string }>;

/** Words under one heading of `testudo --help`; without one below a verb. */
type Group = Readonly<{ heading?: string; words: readonly Word[] }>;

/** A command by the words that lead to it, none for `testudo` itself, and what may follow. */
export type Place = Readonly<{ path: readonly string[]; verbs: readonly Group[]; options: readonly Word[] }>;

const helpOption: Word = { word: '--help', about: 'what is possible here' };

/** Every place of the command line. `commands`: every verb, under its heading. */
export function placesOf(commands: readonly CommandUnknownOpts[]): readonly Place[] {
  const groups = new Map<string, Word[]>();
  for (const command of commands) {
    const heading = command.helpGroup();
    groups.set(heading, [...(groups.get(heading) ?? []), wordOf(command)]);
  }
  return [
    {
      path: [],
      verbs: [...groups].map(([heading, words]) => ({ heading, words })),
      options: [helpOption, { word: '--version', about: 'the version number' }],
    },
    ...commands.flatMap((command) => placesBelow([command.name()], command)),
  ];
}

/** The verbs of a place, whatever their heading. */
export function verbsOf({ verbs }: Place): readonly Word[] {
  return verbs.flatMap(({ words }) => words);
}

/** Where a word leads nowhere else, such as a name or an option's value, the place stays what it was. */
function placesBelow(path: readonly string[], command: CommandUnknownOpts): readonly Place[] {
  const children = command.commands.filter((child) => child.name() !== 'help');
  const choices = command.registeredArguments.flatMap(({ argChoices = [] }) => argChoices);
  const options = command.options.flatMap(({ long, description, hidden }) =>
    long && !hidden ? [{ word: long, about: firstLine(description) }] : [],
  );
  const words = [...children.map(wordOf), ...choices.map((word) => ({ word, about: '' }))];
  return [
    { path, verbs: words.length === 0 ? [] : [{ words }], options: [...options, helpOption] },
    ...children.flatMap((child) => placesBelow([...path, child.name()], child)),
  ];
}

function wordOf(command: CommandUnknownOpts): Word {
  return { word: command.name(), about: firstLine(command.summary() || command.description()) };
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}
