/** The schema as SQL writes it. Names are checked where settings are read. */
export function quoted(schema: string): string {
  return `"${schema}"`;
}
