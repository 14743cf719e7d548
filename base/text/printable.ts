/**
 * Text whose only control characters are line breaks and tabs. C0, DEL, C1 and the characters that turn the direction of
 * what follows (Trojan Source, CVE-2021-42574) become "?": a terminal does what they say, and much of what is printed
 * comes from peers, files and other operators.
 */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach a terminal.
  return text.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '?');
}

/** The same for a cell of a table, which is one line. */
export function onOneLine(text: string): string {
  return printable(text).replace(/[\n\t]/g, '?');
}
