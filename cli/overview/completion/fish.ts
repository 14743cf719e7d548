import { type Place, verbsOf, type Word } from './places.ts';

/** What fish offers: verbs and options with what they are for, verbs in the order of `--help`. */
export function fishScript(places: readonly Place[]): string {
  const known = places.map(({ path }) => quoted(path.join(' '))).join(' ');
  const takers = places.filter((place) => verbsOf(place).length > 0).map(({ path }) => quoted(path.join(' ')));
  return `function __testudo_place
  set -l place ''
  for word in (commandline -opc)[2..-1]
    set -l next (string trim -- "$place $word")
    contains -- $next ${known}; and set place $next
  end
  echo -- $place
end
function __testudo_words
  switch (__testudo_place)
${places.map(placeCase).join('\n')}
  end
end
function __testudo_takes_a_verb
  contains -- (__testudo_place) ${takers.join(' ')}
end
complete -c testudo -e
complete -c testudo -n __testudo_takes_a_verb -f
complete -c testudo -k -a '(__testudo_words)'
`;
}

function placeCase(place: Place): string {
  const words = [...verbsOf(place), ...place.options].map(line).map(quoted);
  return `    case ${quoted(place.path.join(' '))}
      printf '%s\\n' ${words.join(' ')}`;
}

function line({ word, about }: Word): string {
  return about === '' ? word : `${word}\t${about}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
