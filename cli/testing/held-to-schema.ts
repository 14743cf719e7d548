import { z } from 'zod';
import { jsonSchemas } from '../overview/wire-schemas.ts';

const readers = new Map<string, z.ZodType>();

/** The verb that these words begin with, such as `rounds show`; undefined where it has no schema. */
export function verbOf(words: readonly string[]): string | undefined {
  const schemas = jsonSchemas();
  const starts = words.map((_, at) => words.slice(0, at + 1).join(' '));
  return starts.findLast((start) => schemas.has(start));
}

/** Throws where a verb printed for programs what its schema does not say, or would say of anything. */
export function holdToSchema(words: readonly string[], out: string): void {
  const verb = verbOf(words);
  if (verb === undefined) throw new Error(`testudo ${words.join(' ')}: there is no schema of this verb's`);
  const reader = readers.get(verb) ?? z.fromJSONSchema(jsonSchemas().get(verb) as never);
  readers.set(verb, reader);
  for (const line of out.split('\n').filter((text) => text !== '')) {
    const { error } = reader.safeParse(JSON.parse(line));
    if (error !== undefined)
      throw new Error(`testudo ${verb} --json is not what its schema says:\n${line}\n${z.prettifyError(error)}`);
  }
}
