import { appendFile, open, readdir, readFile, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import {
  appendDurably,
  isMissing,
  makeFolder,
  privateFileMode,
  privateFolderMode,
  writeFileAtomic,
} from '../../base/atomic-file.ts';
import { type Checkpoint, parseCheckpoint } from '../../proto/transparency/checkpoint.ts';
import { Frontier, sameHash } from '../../proto/transparency/merkle.ts';

/** A signed head, and the tree at that size, from which later heads are computed. */
export type StoredCheckpoint = Readonly<{ note: string; checkpoint: Checkpoint; frontier: Frontier }>;

/** Where what others check lies in a data directory. Nothing in it is secret, and all but cosignatures can be made again. */
export function folderOf(dataDir: string): string {
  return join(dataDir, 'transparency');
}

/**
 * Signed heads, a line each, in the order of their sizes. With the epoch of a writer that another may follow while it still has the
 * folder: each writes to a file of its own, and the newest counts.
 */
function pathIn(dataDir: string, epoch?: number): string {
  return join(folderOf(dataDir), epoch === undefined ? 'checkpoints.jsonl' : `checkpoints-${epoch}.jsonl`);
}

/** All that there are, the one that counts last. */
async function pathsIn(dataDir: string): Promise<readonly string[]> {
  const names = await readdir(folderOf(dataDir)).catch((error: unknown): string[] => {
    if (isMissing(error)) return [];
    throw error;
  });
  const epochs = names.flatMap((name) => /^checkpoints-(\d+)\.jsonl$/.exec(name)?.slice(1).map(Number) ?? []);
  const ofEpochs = epochs.sort((a, b) => a - b).map((epoch) => pathIn(dataDir, epoch));
  return names.includes('checkpoints.jsonl') ? [pathIn(dataDir), ...ofEpochs] : ofEpochs;
}

/** Heads of more entries than the journal had when it was opened: the only evidence that it has lost some. */
function aheadIn(dataDir: string): string {
  return join(folderOf(dataDir), 'checkpoints-ahead.jsonl');
}

/** All that are whole. The last line may be half written, by a process that was killed or is writing now. */
export async function readCheckpoints(dataDir: string): Promise<readonly StoredCheckpoint[]> {
  return (await linesOf(dataDir)).map(({ stored }) => stored);
}

type Line = Readonly<{ stored: StoredCheckpoint; endsAt: number }>;

async function linesOf(dataDir: string): Promise<readonly Line[]> {
  const path = (await pathsIn(dataDir)).at(-1);
  if (path === undefined) return [];
  const text = await readFile(path).catch((error: unknown) => {
    if (isMissing(error)) return Buffer.alloc(0);
    throw error;
  });
  const lines: Line[] = [];
  for (let from = 0; from < text.length; ) {
    const end = text.indexOf('\n', from);
    const stored = end < 0 ? undefined : parseLine(text.toString('utf8', from, end));
    if (stored === undefined || stored.checkpoint.size <= (lines.at(-1)?.stored.checkpoint.size ?? 0)) break;
    from = end + 1;
    lines.push({ stored, endsAt: from });
  }
  return lines;
}

function parseLine(line: string): StoredCheckpoint | undefined {
  try {
    const { note, tree } = JSON.parse(line) as { note: string; tree: readonly string[] };
    const checkpoint = parseCheckpoint(note);
    if (!checkpoint.ok) return undefined;
    const { size, root } = checkpoint.value;
    const frontier = Frontier.from(
      size,
      tree.map((hash) => Buffer.from(hash, 'base64')),
    );
    if (frontier === undefined || !sameHash(frontier.root(), root)) return undefined;
    return { note, checkpoint: checkpoint.value, frontier };
  } catch {
    return undefined;
  }
}

export function lineOf(note: string, roots: readonly Uint8Array[]): string {
  return `${JSON.stringify({ note, tree: treeText(roots) })}\n`;
}

export function treeText(roots: readonly Uint8Array[]): readonly string[] {
  return roots.map((root) => Buffer.from(root).toString('base64'));
}

async function keepAhead(path: string, heads: readonly StoredCheckpoint[]): Promise<void> {
  const file = await open(path, 'a', privateFileMode);
  try {
    await appendDurably(file, heads.map(({ note, frontier }) => lineOf(note, frontier.roots)).join(''));
  } finally {
    await file.close();
  }
}

/** Heads that wait while none can be written, about 1 KiB each. The oldest go first: a newer one speaks for them too. */
const waitingMax = 256;

/** The file for its one writer. What is not written is kept and tried again with the next: heads can be signed anew. */
export class CheckpointWriter {
  readonly last: StoredCheckpoint | undefined;
  readonly #path: string;
  #length: number;
  #waiting: string[] = [];
  #writing: Promise<void> | undefined;
  readonly #trouble: (code: string, cause: string) => void;

  private constructor(path: string, kept: Line | undefined, trouble: (code: string, cause: string) => void) {
    this.#path = path;
    this.#length = kept?.endsAt ?? 0;
    this.last = kept?.stored;
    this.#trouble = trouble;
  }

  /**
   * Cuts off what is half written, and puts heads of more entries than the journal has aside: a backup of it was restored, or it
   * was cut. `epoch`: of a writer that may be followed; it goes on in a file of its own, from what the one before left.
   */
  static async open(
    dataDir: string,
    entries: number,
    trouble: (code: string, cause: string) => void,
    epoch?: number,
  ): Promise<CheckpointWriter> {
    makeFolder(folderOf(dataDir), privateFolderMode);
    const lines = await linesOf(dataDir);
    const kept = lines.findLast(({ stored }) => stored.checkpoint.size <= entries);
    const ahead = lines.filter(({ stored }) => stored.checkpoint.size > entries).map(({ stored }) => stored);
    const largest = ahead.at(-1);
    if (largest !== undefined) {
      await keepAhead(aheadIn(dataDir), ahead);
      const why = `a head of ${largest.checkpoint.size} entries was signed, and the journal has ${entries}`;
      trouble(
        'CHECKPOINTS_AHEAD',
        `${why}: a backup was restored, or the journal was cut; witnesses will refuse what follows; ${aheadIn(dataDir)} keeps it`,
      );
    }
    const path = pathIn(dataDir, epoch);
    const writer = new CheckpointWriter(path, kept, trouble);
    const others = (await pathsIn(dataDir)).filter((other) => other !== path);
    if (others.length > 0) {
      const whole = lines.slice(0, lines.length - ahead.length);
      await writeFileAtomic(path, whole.map(({ stored }) => lineOf(stored.note, stored.frontier.roots)).join(''));
      await Promise.all(others.map((other) => rm(other, { force: true })));
      return writer;
    }
    await truncate(writer.#path, writer.#length).catch((error: unknown) => {
      if (!isMissing(error)) throw error;
    });
    return writer;
  }

  append(note: string, roots: readonly Uint8Array[]): void {
    this.#waiting.push(lineOf(note, roots));
    this.#writing ??= Promise.resolve().then(() => this.#drain());
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const lines = this.#waiting.splice(0);
      const text = lines.join('');
      try {
        await appendFile(this.#path, text, { mode: privateFileMode });
        this.#length += Buffer.byteLength(text);
      } catch (error) {
        this.#waiting = [...lines, ...this.#waiting].slice(-waitingMax);
        this.#trouble(
          'CHECKPOINT_UNWRITTEN',
          `a signed head could not be kept (${(error as Error).message}); tried again with the next`,
        );
        await truncate(this.#path, this.#length).catch(() => {});
        break;
      }
    }
    this.#writing = undefined;
  }

  /** Everything is written, or was tried. */
  async idle(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }
}
