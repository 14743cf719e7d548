import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { commitFile, isMissing, writeFileAtomic } from '../../base/atomic-file.ts';

/** What is found of a file that is kept twice. */
export type KeptTwice = Readonly<
  /** It was never written. */
  | { kind: 'none' }
  | { kind: 'whole'; text: string }
  /** It had gone or did not read back, and its copy stands in for it. What was there lies at `setAside`; undefined where nothing was. */
  | { kind: 'copied'; text: string; setAside: string | undefined }
  /** Neither reads back: both are left as they are. */
  | { kind: 'damaged'; text: string }
>;

/** Beside it, by a name that ends as its own does not: whoever lists files of that ending does not find it. */
export function copyOf(path: string): string {
  return `${path}.copy`;
}

/**
 * A small file that must not be forgotten, such as a floor below which nothing goes: where it does not read back, its copy
 * takes its place, and it is kept under a name of its own. `readsBack` says of a text whether it is what was written.
 */
export async function readKeptTwice(path: string, readsBack: (text: string) => boolean): Promise<KeptTwice> {
  const [bytes, copy] = [await bytesOf(path), (await bytesOf(copyOf(path)))?.toString()];
  const text = bytes?.toString();
  if (text !== undefined && readsBack(text)) {
    // As where an earlier build wrote it, which kept no copy. A full disk does not keep anybody from starting.
    if (text !== copy) await writeFileAtomic(copyOf(path), text).catch(() => undefined);
    return { kind: 'whole', text };
  }
  if (copy === undefined || !readsBack(copy)) {
    const left = text ?? copy;
    return left === undefined ? { kind: 'none' } : { kind: 'damaged', text: left };
  }
  const setAside = bytes === undefined ? undefined : asideOf(path, bytes);
  try {
    if (setAside !== undefined) await commitFile(path, setAside);
    await writeFileAtomic(path, copy);
  } catch {
    // The copy is what counts until the next write.
  }
  return { kind: 'copied', text: copy, setAside };
}

/** Both are durable when it resolves. The copy comes first: killed between, it is never behind what was true. */
export async function writeTwice(path: string, text: string): Promise<void> {
  await writeFileAtomic(copyOf(path), text);
  await writeFileAtomic(path, text);
}

/** Names of what was set aside of it, in this run and earlier, and not removed since. */
export async function setAsideOf(path: string): Promise<readonly string[]> {
  const names = await readdir(dirname(path)).catch(() => []);
  return names.filter((name) => name.startsWith(`${basename(path)}.damaged-`)).sort();
}

/** Of the same bytes the same name: a start that is killed and comes again leaves one. */
function asideOf(path: string, bytes: Buffer): string {
  return `${path}.damaged-${createHash('sha256').update(bytes).digest('hex').slice(0, 12)}`;
}

async function bytesOf(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
