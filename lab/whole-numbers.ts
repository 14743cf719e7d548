/**
 * Options of a script that are whole numbers, by name. Where one is none it says so and ends the process with 2, as every command line
 * that is wrong by itself does: compared with NaN, a bound never ends a loop and a count never begins one.
 */
export function wholeNumbers<Name extends string>(options: Readonly<Record<Name, string>>): Record<Name, number> {
  const entries = Object.entries<string>(options);
  const strange = entries.find(([, text]) => !/^\d{1,15}$/.test(text));
  if (strange !== undefined) {
    const [name, text] = strange;
    process.stderr.write(`--${name}: expected a whole number, got ${JSON.stringify(text)}\n`);
    process.exit(2);
  }
  return Object.fromEntries(entries.map(([name, text]) => [name, Number(text)])) as Record<Name, number>;
}
