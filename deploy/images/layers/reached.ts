import { existsSync, readFileSync, statSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { mentionsIn } from '../../../tools/checks/imports.ts';

/** What modules of the built package come to, starting from some: its own files and folders, and packages of others. */
export type Reached = Readonly<{ modules: readonly string[]; assets: readonly string[]; packages: readonly string[] }>;

/** A package that is asked for by name: `base/add-ons/add-ons.ts`. */
const addOn = /\bimportAddOn\('([^']+)'\)/g;

/**
 * Follows every import and every file named by URL from `starts`, paths below `dist`. `skip` says which mention of which
 * module is not followed.
 */
export function reachedFrom(
  dist: string,
  starts: readonly string[],
  skip: (from: string, to: string) => boolean,
): Reached {
  const imports = importsOf(dist);
  const modules = new Set<string>();
  const assets = new Set<string>();
  const packages = new Set<string>();
  const waiting = [...starts];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (modules.has(path)) continue;
    modules.add(path);
    const code = readFileSync(join(dist, path), 'utf8');
    for (const [, name = ''] of code.matchAll(addOn)) packages.add(name);
    for (const { specifier } of mentionsIn(code, 'js')) {
      if (specifier === undefined || specifier.includes('${') || isBuiltin(specifier)) continue;
      const own = specifier.startsWith('#') ? imports[specifier] : specifier;
      if (own === undefined) throw new Error(`image: ${path} imports ${specifier}, which package.json does not name`);
      if (!own.startsWith('.')) {
        packages.add(own.split('/', own.startsWith('@') ? 2 : 1).join('/'));
        continue;
      }
      const target = relative(dist, join(dist, specifier.startsWith('#') ? '.' : dirname(path), own));
      if (skip(path, target) || !existsSync(join(dist, target))) continue;
      if (/\.[cm]?js$/.test(target)) waiting.push(target);
      else if (statSync(join(dist, target)).isFile()) assets.add(target);
    }
  }
  return { modules: [...modules].sort(), assets: [...assets].sort(), packages: [...packages].sort() };
}

function importsOf(dist: string): Readonly<Record<string, string>> {
  return (JSON.parse(readFileSync(join(dist, 'package.json'), 'utf8')) as { imports: Record<string, string> }).imports;
}
