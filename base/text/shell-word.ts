/** Characters that no shell takes for anything but themselves, wherever they stand in a word. */
const plain = /^[\w./@%+:,-]+$/;

/** A word of a command line that people are told to type: quoted, as any POSIX shell reads it, where it must be. */
export function shellWord(text: string): string {
  return plain.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
