import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = join(import.meta.dirname, 'corpora');

/** What searches kept of a target beside its seeds: Base64, one input a line. */
export function readCorpus(name: string): Uint8Array[] {
  const path = join(folder, `${name}.txt`);
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => Buffer.from(line, 'base64'));
}

/** The shortest `bytesMax` bytes of them: a repository holds no more. */
export function writeCorpus(name: string, inputs: readonly Uint8Array[], bytesMax = 16_384): void {
  let bytes = 0;
  const lines = inputs
    .toSorted((one, other) => one.length - other.length)
    .filter((input) => {
      bytes += input.length;
      return bytes <= bytesMax;
    })
    .map((input) => `${Buffer.from(input).toString('base64')}\n`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.txt`), lines.join(''));
}
