import { createHash } from 'node:crypto';
import { createReadStream, lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** What a file holds: bytes, or a file of this machine with its size. */
export type Content = Buffer | Readonly<{ file: string; size: number }>;

/** One thing in an image, by its path without a leading slash. Owner is root unless said otherwise; times are not kept. */
export type TreeEntry = Readonly<
  { path: string; mode: number; owner?: number } & (
    | { kind: 'folder' }
    | { kind: 'file'; content: Content }
    | { kind: 'link'; target: string }
  )
>;

/** A file of the image's own, readable by all. */
export function textEntry(path: string, text: string): TreeEntry {
  return { kind: 'file', path, mode: 0o644, content: Buffer.from(text, 'utf8') };
}

export function folderEntry(path: string, { mode = 0o755, owner = 0 } = {}): TreeEntry {
  return { kind: 'folder', path, mode, owner };
}

/** This machine's file as an entry: executable or not is all that is kept of its mode. */
export function fileEntry(path: string, file: string, options: { executable?: boolean } = {}): TreeEntry {
  const { size, mode } = lstatSync(file);
  const executable = options.executable ?? (mode & 0o111) !== 0;
  return { kind: 'file', path, mode: executable ? 0o755 : 0o644, content: { file, size } };
}

/**
 * All below a folder of this machine, under `path` in the image ('' for its root). `keep` sees paths relative to the folder and decides of
 * files and links. A link is kept as it is, and must be relative: an absolute one would name a place of this machine.
 */
export function entriesBelow(
  folder: string,
  path: string,
  keep: (relative: string) => boolean,
  options: { executable?: boolean } = {},
): TreeEntry[] {
  const found: TreeEntry[] = [];
  const placeOf = (name: string) => (path === '' ? name : `${path}/${name}`);
  const walk = (relative: string) => {
    for (const entry of readdirSync(join(folder, relative), { withFileTypes: true })) {
      const name = relative === '' ? entry.name : `${relative}/${entry.name}`;
      if (entry.isDirectory()) walk(name);
      else if (!keep(name)) continue;
      else if (entry.isFile()) found.push(fileEntry(placeOf(name), join(folder, name), options));
      else if (entry.isSymbolicLink()) found.push(linkEntry(placeOf(name), readlinkSync(join(folder, name))));
    }
  };
  walk('');
  return found;
}

function linkEntry(path: string, target: string): TreeEntry {
  if (target.startsWith('/')) throw new Error(`image: ${path} is a link to ${target}, a place of this machine`);
  return { kind: 'link', path, mode: 0o777, target };
}

/**
 * Sorted by path (UTF-16 code units), each once, with every folder above it. Throws where one path has two entries that
 * are not both folders: which of them wins must not depend on an order.
 */
export function wholeTree(entries: readonly TreeEntry[]): TreeEntry[] {
  const byPath = new Map<string, TreeEntry>();
  for (const entry of entries) {
    const before = byPath.get(entry.path);
    if (before !== undefined && !(before.kind === 'folder' && entry.kind === 'folder')) {
      throw new Error(`image: two entries for ${entry.path}`);
    }
    byPath.set(entry.path, entry);
  }
  for (const path of [...byPath.keys()]) {
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
      const above = path.slice(0, at);
      if (!byPath.has(above)) byPath.set(above, folderEntry(above));
    }
  }
  return [...byPath.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/**
 * SHA-256 over a whole tree: paths, modes, owners, contents. The same for the same tree, wherever its files lie. Large
 * files are read for it, at a gigabyte in some seconds.
 */
export async function digestOfTree(entries: readonly TreeEntry[]): Promise<string> {
  const hash = createHash('sha256');
  for (const entry of wholeTree(entries)) {
    const { path, kind, mode, owner = 0 } = entry;
    const what =
      entry.kind === 'file' ? await digestOfContent(entry.content) : entry.kind === 'link' ? entry.target : '';
    hash.update(`${JSON.stringify([path, kind, mode, owner, what])}\n`);
  }
  return hash.digest('hex');
}

/** Of large files, which several images share: not read twice while they are the same by size and time. */
const digests = new Map<string, string>();

async function digestOfContent(content: Content): Promise<string> {
  if (Buffer.isBuffer(content) || content.size < 1 << 24) return await digestOfChunks(content);
  const { size, mtimeMs, ino } = statSync(content.file);
  const key = JSON.stringify([content.file, size, mtimeMs, ino]);
  const digest = digests.get(key) ?? (await digestOfChunks(content));
  digests.set(key, digest);
  return digest;
}

async function digestOfChunks(content: Content): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of chunksOf(content)) hash.update(chunk);
  return hash.digest('hex');
}

/** A content piece by piece; a file of less than a piece is read at once: images hold thousands of them. */
export async function* chunksOf(content: Content): AsyncGenerator<Buffer> {
  if (Buffer.isBuffer(content)) yield content;
  else if (content.size < 1 << 20) yield readFileSync(content.file);
  else yield* createReadStream(content.file, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>;
}
