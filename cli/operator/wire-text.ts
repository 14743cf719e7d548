/** The name of a wire enumeration's value, in lower case and without its prefix. */
export function nameOf(values: Readonly<Record<string, number>>, wanted: number, prefix: string): string {
  const [name] = Object.entries(values).find(([, value]) => value === wanted) ?? ['?'];
  return name.replace(prefix, '').toLowerCase();
}
