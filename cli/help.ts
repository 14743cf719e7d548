import { offeredVerbs, ownGroup } from './verbs.ts';

export const about =
  'Federated learning for intrusion detectors that run in many Kubernetes clusters, some of which may lie.';

/** As many columns as a help has where no terminal says how wide it is. */
const columnsDefault = 80;
/** Narrower than this nothing is wrapped. */
const columnsMin = 40;

/**
 * What `testudo --help` prints: to the letter what the library that reads command lines would, which takes longer to load than
 * to find the verb that somebody looks for.
 */
export function helpText(columns = columnsDefault): string {
  const options = [
    ['-V, --version', 'output the version number'],
    ['-h, --help', 'display help for command'],
  ] as const;
  const groups = new Map<string, (readonly [string, string])[]>();
  const list = (group: string, term: string, text: string) =>
    groups.set(group, [...(groups.get(group) ?? []), [term, text]]);
  for (const [name, { group, summary }] of offeredVerbs()) list(group, name, summary);
  list(ownGroup, 'help [command]', 'display help for command');
  const width = Math.max(...[...options, ...[...groups.values()].flat()].map(([term]) => term.length));
  const item = ([term, text]: readonly [string, string]) => {
    const indent = ' '.repeat(width + 4);
    return `  ${term.padEnd(width)}  ${wrapped(text, columns - indent.length).join(`\n${indent}`)}`;
  };
  const parts = [
    ['Usage: testudo [options] [command]'],
    wrapped(about, columns),
    ['Options:', ...options.map(item)],
    ...[...groups].map(([group, commands]) => [`${group}:`, ...commands.map(item)]),
  ];
  return parts.map((lines) => lines.join('\n')).join('\n\n');
}

/** Lines of at most so many columns, broken between words. */
function wrapped(text: string, columns: number): readonly string[] {
  if (columns < columnsMin) return [text];
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= columns) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}
