import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sharedFileMode, writeFileAtomic } from '../../../base/atomic-file.ts';
import type { Reached, Verdict } from './ask.ts';

/** What campaigns of a room have learnt so far, of test files that are what they were. */
export type Past = Readonly<{ reached: Reached; verdicts: readonly Verdict[] }>;

/** `sources`: the digest of all of the room's sources with their mutants; `tests`: of each test file by its path. */
type Kept = Past & Readonly<{ sources: string; tests: Readonly<Record<string, string>> }>;

const nothing: Past = { reached: { tests: [], loaded: [] }, verdicts: [] };

/** What still stands: nothing where a source is another one, and nothing of test files that are. */
export function readPast(folder: string, sources: string): Past {
  const path = join(folder, 'past.json');
  if (!existsSync(path)) return nothing;
  const kept = JSON.parse(readFileSync(path, 'utf8')) as Kept;
  if (kept.sources !== sources) return nothing;
  const stands = ({ file }: Readonly<{ file: string }>) => kept.tests[file] === digestOfFile(file);
  const tests = kept.reached.tests.filter(stands);
  const known = new Set(tests.map(({ test }) => test));
  return {
    reached: { tests, loaded: kept.reached.loaded.filter(stands) },
    verdicts: kept.verdicts.filter(({ test }) => known.has(test)),
  };
}

export async function keepPast(folder: string, sources: string, { reached, verdicts }: Past): Promise<void> {
  const files = new Set(reached.loaded.map(({ file }) => file));
  const tests = Object.fromEntries([...files].map((file) => [file, digestOfFile(file)]));
  const kept: Kept = { sources, tests, reached, verdicts };
  await writeFileAtomic(join(folder, 'past.json'), JSON.stringify(kept), { mode: sharedFileMode, durable: false });
}

function digestOfFile(path: string): string {
  return existsSync(path) ? digestOfText(readFileSync(path, 'utf8')) : '';
}

export function digestOfText(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
