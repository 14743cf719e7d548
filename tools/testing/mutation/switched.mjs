/**
 * Loads a source with its mutants in it in the place of the source itself, in every process and thread of a run. Which of them is
 * active, if any, says `globalThis.__stryker__.activeMutant`, or what __STRYKER_ACTIVE_MUTANT__ was when the module was loaded.
 */
import { existsSync, readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';

const checkout = new URL('../../../', import.meta.url).href;
const folder = process.env.TESTUDO_MUTANTS;

if (folder !== undefined) {
  registerHooks({
    load(url, context, next) {
      const [file = ''] = url.split('?');
      if (!file.startsWith(checkout) || !file.endsWith('.ts')) return next(url, context);
      const place = `${folder}/sources/${fileURLToPath(file).slice(fileURLToPath(checkout).length)}`;
      if (!existsSync(place)) return next(url, context);
      return { format: 'module', source: readFileSync(place, 'utf8'), shortCircuit: true };
    },
  });
}
