import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Timers } from '../../../base/time.ts';
import { Turns } from '../../../base/waiting/turns.ts';
import type { SourceLoss } from '../../events/source-item.ts';
import type { OpenedFile } from './opened-file.ts';
import { isTimeOfPacked } from './rotated-names.ts';
import {
  inodeAt,
  openFamily,
  openIfReadable,
  placesOf,
  type Sibling,
  siblingPaths,
  type Unreadable,
} from './siblings.ts';

/** What the file that is being read is known by, now and after it was copied or packed. */
export type Held = Readonly<{
  file: OpenedFile;
  /** Up to where it was read, how it begins, and the bytes before that. */
  read: Readonly<{ end: number; first: Uint8Array; tail: Uint8Array }>;
  isReplaced: boolean;
}>;

/** A file that waits for its turn: opened, or, where too many are, where it was found. */
type Waiting = { size: number; inode: string; file: OpenedFile | undefined; path: string };

/** A finished file that was read, or that was there before: it must not be read again under another name. */
type Known = Readonly<{ inode: string; beginning: Buffer; writtenMs: number }>;

type Kind = 'fresh' | 'newest' | 'held' | 'continuation' | 'known' | 'other';

/** Longer than any tick of the kernel's clock. */
const tickMs = 100;

/** Files kept open for their turn; more are found again by their inodes. */
const openMax = 64;

/**
 * Rotation of one path, watched while its reader is busy: files come out in the order in which they were written, each
 * once, and stay readable although rotation renames, packs or deletes them.
 */
export class Rotations {
  readonly #path: string;
  readonly #now: Timers['now'];
  readonly #waiting: Waiting[] = [];
  #known: Known[] = [];
  /** A copy of the replaced file that is read: it goes on where that was read to. */
  #continuation: OpenedFile | undefined;
  /** Inodes of rotated files that cannot be read, as long as they are there: each is counted once. */
  #unreadable: ReadonlySet<string> = new Set();
  #losses: SourceLoss[] = [];
  #isGap = false;
  #isOvertaken = false;
  #foldersMs: string | undefined;
  #isClosed = false;
  /** One look at a time: the reader's and the beat's. */
  readonly #turns = new Turns();

  constructor(path: string, { now }: Pick<Timers, 'now'>) {
    this.#path = path;
    this.#now = now;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Whether what waits is the file at the path: nothing was rotated away after what is read. */
  get isLast(): boolean {
    return this.#waiting.length === 1;
  }

  /** A file is done with, or was there before. */
  async know(file: OpenedFile): Promise<void> {
    this.#known.push({ inode: file.inode, beginning: await file.beginning(), writtenMs: file.stat().writtenMs });
  }

  /** Rotated files that cannot be read and were there before; those that are newer than what is read are lost. */
  knowUnreadable(files: readonly Unreadable[], isNewer: (file: Unreadable) => boolean): void {
    this.#unreadable = new Set(files.map(({ inode }) => inode));
    for (const file of files) if (isNewer(file)) this.#losses.push({ files: 1, bytes: file.bytes });
  }

  /** What cannot be read of what was rotated away; told once. */
  takeLosses(): readonly SourceLoss[] {
    return this.#losses.splice(0);
  }

  /** A file that was read is closed, and not read again; in turn, for a look may be comparing with it. */
  retire(file: OpenedFile, isReplaced: boolean): Promise<void> {
    return this.#turns.take(async () => {
      if (!isReplaced) await this.know(file);
      await file.close();
    });
  }

  /** To be read after what waits already. */
  add(file: OpenedFile, path: string): Promise<void> {
    return this.#wait(file, path, file.stat().size);
  }

  /**
   * Looks only where another file is at the path, or something was made, renamed or deleted beside it, since it was last
   * asked. Two changes within a tick of the kernel's clock give a folder one time, so a recent time is not relied on.
   */
  async lookIfMoved(held: () => Held | undefined): Promise<void> {
    const [places, inode] = await Promise.all([placesOf(this.#path), inodeAt(this.#path)]);
    const folders = await Promise.all(places.map((place) => stat(dirname(place)).catch(() => undefined)));
    const foldersMs = JSON.stringify([places, folders.map((folder) => folder?.mtimeMs)]);
    const newest = this.#waiting.at(-1)?.inode ?? held()?.file.inode;
    if (foldersMs === this.#foldersMs && (inode === undefined || inode === newest)) return;
    const isSettled = folders.every((folder) => folder !== undefined && this.#now() - folder.mtimeMs > tickMs);
    this.#foldersMs = isSettled ? foldersMs : undefined;
    await this.look(held);
  }

  /** Puts everything newer than what is read, and not waiting yet, where it waits. */
  look(held: () => Held | undefined): Promise<void> {
    return this.#turns.take(async () => {
      const now = held();
      if (now !== undefined && !this.#isClosed) await this.#look(now);
    });
  }

  /** Whether files may have been deleted before they were seen; asked once for each time. */
  takeGap(): boolean {
    const isGap = this.#isGap;
    this.#isGap = false;
    return isGap;
  }

  /** Whether the file that is read, and of which nothing was read yet, waits again, behind copies of what it held. */
  takeOvertaken(): boolean {
    const isOvertaken = this.#isOvertaken;
    this.#isOvertaken = false;
    return isOvertaken;
  }

  takeContinuation(): OpenedFile | undefined {
    const found = this.#continuation;
    this.#continuation = undefined;
    return found;
  }

  /** The next file to read, a loss where it is gone, or undefined for none. */
  next(): Promise<OpenedFile | Readonly<{ lostBytes: number }> | undefined> {
    return this.#turns.take(async () => {
      const first = this.#waiting.shift();
      if (first === undefined || first.file !== undefined) return first?.file;
      for (const path of [first.path, this.#path, ...(await siblingPaths(this.#path)).keys()]) {
        const file = await openIfReadable(path);
        if (file?.inode === first.inode) return file;
        await file?.close();
      }
      return { lostBytes: first.size };
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#turns.settled();
    await this.takeContinuation()?.close();
    for (const { file } of this.#waiting.splice(0)) await file?.close();
  }

  async #look(held: Held): Promise<void> {
    const { siblings, current, unreadable } = await openFamily(this.#path);
    this.#countUnreadable(unreadable, siblings, held);
    const beginning = await held.file.beginning();
    const newest = this.#waiting.at(-1);
    const matched = new Set<Known>();
    let isNewestThere = (newest ?? held.file).inode === current?.inode;
    let fresh: Sibling[] = [];
    for (const sibling of siblings) {
      const kind = await this.#kindOf(sibling.file, held, beginning, newest, matched);
      if (kind === 'fresh') {
        fresh.push(sibling);
        continue;
      }
      if (kind === 'continuation') this.#continuation = sibling.file;
      else await sibling.file.close();
      if (kind === 'other' || kind === 'known') continue;
      isNewestThere ||= kind === 'newest' || newest === undefined;
      // What is older than the file that is read was there before it.
      for (const { file } of fresh) {
        await this.know(file);
        await file.close();
      }
      fresh = [];
    }
    this.#isGap ||= fresh.length > 0 && !isNewestThere && !held.isReplaced;
    // What was read lately can be packed soon; what is older and gone cannot come back.
    this.#known = this.#known.filter((known, index) => matched.has(known) || index >= this.#known.length - 16);
    await this.#enqueue(await this.#ownOf(fresh, current, held), current, held);
  }

  /**
   * Where the file that is read is still the one at the path, and was not emptied, nothing was rotated away: what is new beside
   * it somebody else put there. It is not read, now or later.
   */
  async #ownOf(fresh: readonly Sibling[], current: OpenedFile | undefined, held: Held): Promise<readonly Sibling[]> {
    if (current?.inode !== held.file.inode || held.isReplaced || held.read.end === 0) return fresh;
    for (const { file } of fresh) {
      await this.know(file);
      await file.close();
    }
    return [];
  }

  /** What is open here, or was read, is not lost where its name is closed to this process afterwards, packed or not. */
  #countUnreadable(files: readonly Unreadable[], siblings: readonly Sibling[], held: Held): void {
    const counted = this.#unreadable;
    const own = [...this.#waiting, ...this.#known, { inode: held.file.inode, writtenMs: held.file.stat().writtenMs }];
    const isOwn = (file: Unreadable) =>
      own.some(
        (one) =>
          one.inode === file.inode ||
          (file.isPacked && 'writtenMs' in one && isTimeOfPacked(file.writtenMs, one.writtenMs)),
      );
    const there = [...siblings.map(({ file }) => file.inode), ...files.map(({ inode }) => inode)];
    const lost = files.filter((file) => !counted.has(file.inode) && !isOwn(file));
    for (const { bytes } of lost) this.#losses.push({ files: 1, bytes });
    this.#unreadable = new Set([...there.filter((inode) => counted.has(inode)), ...lost.map(({ inode }) => inode)]);
  }

  async #kindOf(
    file: OpenedFile,
    held: Held,
    heldBeginning: Buffer,
    newest: Waiting | undefined,
    matched: Set<Known>,
  ): Promise<Kind> {
    const { inode } = file;
    if (inode === newest?.inode) return 'newest';
    if (inode === held.file.inode || inode === this.#continuation?.inode) return 'held';
    if (this.#unreadable.has(inode) || this.#waiting.some((one) => one.inode === inode)) return 'other';
    const beginning = await file.beginning();
    if (beginning.length === 0) return 'other';
    if (held.isReplaced && this.#continuation === undefined && held.read.tail.length > 0) {
      const { end, first, tail } = held.read;
      if ((await file.holdsBefore(first.length, first)) && (await file.holdsBefore(end, tail))) return 'continuation';
    }
    if (!held.isReplaced && isCopy(beginning, heldBeginning)) {
      return file.isPacked && beginning.length === heldBeginning.length ? 'held' : 'other';
    }
    for (const known of this.#known) {
      if ((file.isPacked || known.inode === inode) && isCopy(beginning, known.beginning)) {
        matched.add(known);
        return 'known';
      }
    }
    for (const one of file.isPacked ? this.#waiting : []) {
      if (one.file === undefined || !isCopy(beginning, await one.file.beginning())) continue;
      return one === newest ? 'newest' : 'other';
    }
    return 'fresh';
  }

  /** Fresh files come before the one at the path, which may wait already where it is copied and emptied. */
  async #enqueue(fresh: readonly Sibling[], current: OpenedFile | undefined, held: Held): Promise<void> {
    const last = this.#waiting.at(-1);
    const isWaiting = current !== undefined && last?.inode === current.inode;
    if (isWaiting) this.#waiting.pop();
    for (const { file, path, size } of fresh) await this.#wait(file, path, size);
    if (isWaiting && last !== undefined) this.#waiting.push(last);
    if (current === undefined) return;
    // Nothing was read of it, and there is a copy of what was: that comes first.
    const isOvertaken = current.inode === held.file.inode && held.read.end === 0 && fresh.length > 0;
    const isRead = current.inode === held.file.inode && !held.isReplaced && !isOvertaken;
    this.#isOvertaken ||= isOvertaken && !isWaiting;
    if (isWaiting || isRead) await current.close();
    else await this.#wait(current, this.#path, current.stat().size);
  }

  async #wait(file: OpenedFile, path: string, size: number): Promise<void> {
    const isOpen = this.#waiting.filter((one) => one.file !== undefined).length < openMax;
    this.#waiting.push({ file: isOpen ? file : undefined, path, size, inode: file.inode });
    if (!isOpen) await file.close();
  }
}

/** Whether a file can be a copy, packed or not, of one that begins like this. */
function isCopy(copy: Buffer, original: Buffer): boolean {
  return copy.length <= original.length && copy.equals(original.subarray(0, copy.length));
}
