import { stripTypeScriptTypes } from 'node:module';
import { init, parse } from 'es-module-lexer';

await init();

/**
 * One mention of another module: the text as written and the line it stands on, from 1. `undefined` stands for a dynamic
 * import whose target is computed: nobody can say where it goes.
 */
export type Mention = Readonly<{ specifier: string | undefined; line: number }>;

/**
 * Every module that this source names: static, dynamic and type-only imports, re-exports, `import('…')` in a type, and
 * `new URL('…', import.meta.url)` or `import.meta.resolve('…')`, by which workers and assets are named. A module's own URL with
 * something put in the place of its name counts as computed.
 * Throws a SyntaxError for a source that Node could not run. Of TSX, which no parser at hand reads, only what stands at the
 * beginning of a line is found: static imports and re-exports, which are all that biome lets such a source have.
 */
export function mentionsIn(source: string, language: 'ts' | 'tsx' | 'js'): Mention[] {
  if (language === 'tsx') {
    const found = [...source.matchAll(staticImport)].map((match) => ({ specifier: match[2], at: match.index }));
    return found.map(({ specifier, at }) => ({ specifier, line: source.slice(0, at).split('\n').length }));
  }
  const code = language === 'ts' ? stripTypeScriptTypes(source, { mode: 'strip' }) : source;
  const found: { specifier: string | undefined; at: number }[] = [];
  const [imports] = parse(code);
  for (const entry of imports) {
    if (entry.type === 'import-meta') continue;
    const computed = entry.type === 'dynamic' && entry.glob;
    found.push({ specifier: computed ? undefined : entry.specifier, at: entry.start });
  }
  for (const pattern of [fileUrl, metaResolve]) {
    for (const match of code.matchAll(pattern)) found.push({ specifier: match[2], at: match.index });
  }
  for (const match of code.matchAll(changedUrl)) found.push({ specifier: undefined, at: match.index });
  // Stripping replaces types by blanks of the same length, so what it took away is where the two texts differ.
  const erased = language === 'ts' ? difference(source, code) : '';
  for (const pattern of [typeOnlyImport, typeQuery]) {
    for (const match of erased.matchAll(pattern)) found.push({ specifier: match[2], at: match.index });
  }
  return found.map(({ specifier, at }) => ({ specifier, line: source.slice(0, at).split('\n').length }));
}

const staticImport = /^(?:import|export)\b[^'";]*?(['"])([^'"]+)\1/gm;
const fileUrl = /\bnew\s+URL\(\s*(['"`])([^'"`]+)\1\s*,\s*import\.meta\.url\b/g;
const metaResolve = /\bimport\.meta\.resolve\(\s*(['"`])([^'"`]+)\1/g;
const changedUrl = /\bimport\.meta\.url\.replace\(/g;
const typeOnlyImport = /\b(?:import|export)\s+type\b[^'";]*?\bfrom\s*(['"])([^'"]+)\1/g;
const typeQuery = /\bimport\s*\(\s*(['"])([^'"]+)\1/g;

function difference(source: string, code: string): string {
  if (source.length !== code.length) throw new Error('type stripping moved the text: the Node version is not ours');
  let erased = '';
  for (let i = 0; i < source.length; i++) erased += source[i] === code[i] ? ' ' : source[i];
  return erased;
}
