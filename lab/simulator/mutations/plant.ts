import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { mutations } from './mutations.ts';

const root = new URL('../../../', import.meta.url);

/**
 * Changes the source of modules as they are loaded by this process; no file changes. Throws where the text that a mutation
 * changes is not there any more, or stands there more than once: such a mutation has to be written anew.
 */
export function plant(name: string): void {
  const mutation = mutations.find((one) => one.name === name);
  if (mutation === undefined) throw new Error(`there is no mutation ${name}`);
  const waiting = new Set(mutation.edits.map(({ file }) => new URL(file, root).href));
  registerHooks({
    load: (url, context, nextLoad) => {
      if (!waiting.has(url)) return nextLoad(url, context);
      // As it is written: another hook may take its types away.
      let text = readFileSync(fileURLToPath(url), 'utf8');
      for (const { file, find, replace } of mutation.edits) {
        if (new URL(file, root).href === url) text = edited(text, find, replace, fileURLToPath(url));
      }
      return { format: 'module-typescript', source: text, shortCircuit: true };
    },
  });
}

/** The text with its one `find` replaced. */
export function edited(text: string, find: string, replace: string, where: string): string {
  const count = text.split(find).length - 1;
  if (count !== 1) throw new Error(`mutation: ${JSON.stringify(find)} stands ${count} times in ${where}, not once`);
  return text.replace(find, () => replace);
}
