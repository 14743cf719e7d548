import { registerHooks } from 'node:module';

/** Our own modules lie below this URL: sources in a checkout, and .js files in the built package. */
const root = new URL('../../', import.meta.url).href;
const ourName = 'testudo/';
const outside = new Set<string>();

/**
 * Lets the modules of a kind that lies elsewhere import ours as `testudo/base/fault.ts`, whatever ours are written in, and the
 * packages that we come with where it has none of its own of that name. In this thread, from now on. `extension`: of our own files.
 */
export function reachFrom(module: string, extension: 'ts' | 'js'): void {
  const folder = new URL('.', module).href;
  if (folder.startsWith(root) || outside.has(folder)) return;
  outside.add(folder);
  if (outside.size > 1) return;
  const ownModule = (path: string) => new URL(path.replace(/\.ts$/, `.${extension}`), root).href;
  registerHooks({
    resolve(specifier, context, next) {
      const { parentURL } = context;
      const isOutside = parentURL !== undefined && outside.values().some((one) => parentURL.startsWith(one));
      if (!isOutside) return next(specifier, context);
      if (specifier.startsWith(ourName)) return next(ownModule(specifier.slice(ourName.length)), context);
      try {
        return next(specifier, context);
      } catch (error) {
        const isBare = !/^[./]|^[a-z]+:/.test(specifier);
        if (!isBare || (error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
        return next(specifier, { ...context, parentURL: import.meta.url });
      }
    },
  });
}
