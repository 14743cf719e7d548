import { type Place, verbsOf } from './places.ts';

/** What bash offers: words alone, verbs in the order of `--help` where this bash can keep it (4.4 or newer). */
export function bashScript(places: readonly Place[]): string {
  const known = places.map(({ path }) => `'${path.join(' ')}'`).join('|');
  const cases = places.map((place) => {
    const words = [...verbsOf(place), ...place.options].map(({ word }) => word);
    return `    '${place.path.join(' ')}') words='${words.join(' ')}' ;;`;
  });
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
complete -o default -o nosort -F _testudo testudo 2>/dev/null || complete -o default -F _testudo testudo
`;
}
