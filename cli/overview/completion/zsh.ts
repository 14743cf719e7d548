import type { Place, Word } from './places.ts';

/** What zsh offers: verbs and options with what they are for, the verbs of `testudo` itself under the headings of `--help`. */
export function zshScript(places: readonly Place[]): string {
  const known = places.map(({ path }) => quoted(path.join(' '))).join('|');
  return `#compdef testudo
_testudo() {
  local place='' next
  local -a offered
  local -i at found=1
  for ((at = 2; at < CURRENT; at++)); do
    next="\${place:+$place }\${words[at]}"
    case "$next" in ${known}) place="$next" ;; esac
  done
  case "$place" in
${places.map(placeCase).join('\n')}
  esac
  ((found)) && _files
}
compdef _testudo testudo
[[ "\${funcstack[1]}" = _testudo ]] && _testudo
true
`;
}

/** Verbs first; options where a dash begins the word; files where neither fits. */
function placeCase({ path, verbs, options }: Place): string {
  const offers = verbs.map(
    ({ heading, words }, at) =>
      `      offered=(${described(words)}); _describe -V -t ${quoted(`verbs-${at}`)} ${quoted(heading ?? 'command')} offered && found=0`,
  );
  return `    ${quoted(path.join(' '))})
${[...offers, `      offered=(${described(options)}); _describe -o -t options option offered && found=0`].join('\n')}
      ;;`;
}

function described(words: readonly Word[]): string {
  return words
    .map(({ word, about }) => quoted(about === '' ? word : `${word}:${about.replaceAll(':', '\\:')}`))
    .join(' ');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
