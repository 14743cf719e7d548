/**
 * Holds refusals to named codes: of all uses of `Result<Value, Code>` in the client and in the coordinator, at most one in
 * twenty may leave its codes out. Run as a script it prints what it read, and ends with 1 when more do, or when it read too
 * little. Text is enough: `Result` is one name here, and a use without a second argument says nothing about its codes.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkout, isMain } from '../setup/places.mjs';
import { isTestCode } from './arrows/reading.ts';

/** One use of the type, on this line from 1. */
export type ResultUse = Readonly<{ line: number; names: boolean }>;

const untypedShareMax = 0.05;
/** Fewer uses than these were never in a folder that was read whole. */
const usesMin = { client: 230, coordinator: 300 } as const;

/** Every `Result<…>` of a source outside its comments, and whether it names its codes. */
export function resultUses(source: string): ResultUse[] {
  const code = source.replaceAll(/\/\*[\s\S]*?\*\/|(?<!:)\/\/.*/g, (comment) => comment.replaceAll(/[^\n]/g, ' '));
  return [...code.matchAll(/\bResult</g)].map(({ index }) => ({
    line: code.slice(0, index).split('\n').length,
    names: namesCodes(argumentsFrom(code, index + 'Result<'.length)),
  }));
}

/** A second argument that is `string` says as little as none. */
function namesCodes([, codes]: readonly string[]): boolean {
  return codes !== undefined && codes !== 'string';
}

/** Type arguments from here to the bracket that closes them. An arrow's `>` closes nothing. */
function argumentsFrom(code: string, start: number): string[] {
  let depth = 0;
  let from = start;
  const found: string[] = [];
  for (let at = start; at < code.length; at++) {
    const character = code[at] as string;
    if (character === '>' && code[at - 1] === '=') continue;
    const closes = depth === 0 && character === '>';
    if (closes || (depth === 0 && character === ',')) {
      found.push(code.slice(from, at).trim());
      from = at + 1;
      // A comma that only ends the line before the closing bracket adds no argument.
      if (closes) return found.filter((text) => text !== '');
    } else if ('<({['.includes(character)) depth += 1;
    else if ('>)}]'.includes(character)) depth -= 1;
  }
  throw new Error('a Result< is never closed');
}

/** What one top folder says; `untyped` as file:line. */
export function readFolder(root: string, folder: string) {
  const files = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((file) => join(folder, file))
    .filter((file) => file.endsWith('.ts') && !/\.(?:test|bench)\.ts$/.test(file) && !isTestCode(file));
  const uses = files.flatMap((file) =>
    resultUses(readFileSync(join(root, file), 'utf8')).map((use) => ({ file, ...use })),
  );
  const untyped = uses.filter(({ names }) => !names).map(({ file, line }) => `${file}:${line}`);
  return { folder, files: files.length, uses: uses.length, untyped };
}

function main(): void {
  let held = true;
  for (const [folder, least] of Object.entries(usesMin)) {
    const { files, uses, untyped } = readFolder(checkout, folder);
    const tooFew = uses < least;
    const tooMany = untyped.length > uses * untypedShareMax;
    if (tooMany) for (const place of untyped) process.stderr.write(`${place}: this Result names no codes\n`);
    if (tooFew) process.stderr.write(`${folder}: only ${uses} uses of Result were read, fewer than ${least}\n`);
    const share = ((100 * untyped.length) / Math.max(1, uses)).toFixed(1);
    process.stdout.write(
      `fault codes: ${folder}: read ${files} files, ${uses} uses of Result, ${untyped.length} without codes (${share} %)\n`,
    );
    held &&= !tooFew && !tooMany;
  }
  process.exitCode = held ? 0 : 1;
}

if (isMain(import.meta.url)) main();
