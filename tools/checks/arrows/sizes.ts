import { dirname } from 'node:path/posix';
import type { Module } from './reading.ts';

export type SizeLimits = Readonly<{ filesMax: number; linesMax: number; medianLinesMax: number }>;
export type Sizes = Readonly<{
  /** Folders with more source files on one level than a newcomer can hold. */
  folders: readonly Readonly<{ folder: string; files: number }>[];
  files: readonly Readonly<{ file: string; lines: number }>[];
  /** Of all source files; NaN without any. */
  medianLines: number;
}>;

/** What is too large among these sources. */
export function tooLarge(sources: readonly Module[], limits: SizeLimits): Sizes {
  const perFolder = new Map<string, number>();
  for (const { file } of sources) perFolder.set(dirname(file), (perFolder.get(dirname(file)) ?? 0) + 1);
  const lines = sources.map((source) => source.lines).toSorted((a, b) => a - b);
  return {
    folders: [...perFolder]
      .filter(([, files]) => files > limits.filesMax)
      .map(([folder, files]) => ({ folder, files })),
    files: sources.filter((source) => source.lines > limits.linesMax),
    medianLines: lines[Math.floor(lines.length / 2)] ?? Number.NaN,
  };
}
