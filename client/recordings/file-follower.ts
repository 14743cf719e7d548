import { pause } from '../../base/pause.ts';
import type { Timer, Timers } from '../../base/time.ts';
import type { SourceLoss } from '../events/source-item.ts';
import type { FilePosition, FollowedLine, FollowOptions } from './following/followed-line.ts';
import { LineReader, type ReadFrom } from './following/line-reader.ts';
import { isUnreadable, OpenedFile } from './following/opened-file.ts';
import { resume } from './following/resume.ts';
import { Rotations } from './following/rotations.ts';
import { closeFamily, inodeAt, openFamily } from './following/siblings.ts';

export type { FilePosition, FollowedLine, FollowOptions } from './following/followed-line.ts';

/** Lines of one chunk, at most; none: nothing new for now, once each time the end is reached. */
export type FollowedLines = readonly Exclude<FollowedLine, { kind: 'idle' }>[];

/**
 * The lines of a file that grows, is renamed away and made anew (rotation) or is emptied in place, from a position on: any
 * number of rotations, packed or not, in order and once each, as long as they can be had. Reads only as fast as the
 * consumer asks; meanwhile files that are rotated away are held open, so that what rotation deletes is still read.
 */
export async function* followFile(path: string, options: FollowOptions): AsyncGenerator<FollowedLine> {
  for await (const lines of followLines(path, options)) {
    if (lines.length === 0) yield { kind: 'idle' };
    else yield* lines;
  }
}

/** As `followFile`, chunk by chunk. */
export async function* followLines(path: string, options: FollowOptions): AsyncGenerator<FollowedLines> {
  const follower = new Follower(path, options);
  try {
    yield* follower.run();
  } finally {
    await follower.close();
  }
}

class Follower {
  readonly #path: string;
  readonly #options: FollowOptions;
  readonly #rotations: Rotations;
  readonly #pollMs: number;
  #reader: LineReader | undefined;
  /** Behind the last file that was read. */
  #passed: FilePosition | undefined;
  readonly #timers: Timers | undefined;
  #beat: Timer | undefined;

  constructor(path: string, options: FollowOptions) {
    this.#path = path;
    this.#options = options;
    this.#pollMs = options.pollMs ?? 250;
    this.#timers = options.timers;
    this.#rotations = new Rotations(path, options.timers ?? { now: () => 0 });
  }

  async *run(): AsyncGenerator<FollowedLines> {
    const { follow, signal } = this.#options;
    yield* this.#start();
    if (follow) this.#watch();
    while (!signal.aborted) {
      if (this.#reader === undefined && !(yield* this.#openNext())) {
        if (!follow) return;
        yield [];
        await this.#pause();
        continue;
      }
      yield* this.#readOut();
      if (!follow && this.#rotations.isEmpty) return;
    }
  }

  async close(): Promise<void> {
    this.#timers?.cancel(this.#beat);
    await this.#rotations.close();
    await this.#reader?.file.close();
  }

  async *#start(): AsyncGenerator<FollowedLines> {
    const { from, follow } = this.#options;
    yield* this.#untilReadable();
    if (from !== undefined) {
      const { first, lost } = await resume(this.#path, from, this.#rotations);
      if (first !== undefined) await this.#open(first.file, first.from);
      if (lost !== undefined) yield [this.#lossOf(lost)];
      yield* this.#sayLosses();
      return;
    }
    if (!follow) return;
    const family = await openFamily(this.#path);
    for (const { file } of family.siblings) await this.#rotations.know(file);
    this.#rotations.knowUnreadable(family.unreadable, () => false);
    await closeFamily(family);
  }

  /** Rotation goes on while the consumer is busy. */
  #watch(): void {
    const look = () => {
      if (this.#options.signal.aborted) this.#timers?.cancel(this.#beat);
      else
        this.#rotations
          .lookIfMoved(() => (this.#reader?.read.end === 0 ? undefined : this.#reader))
          .catch(() => undefined);
    };
    this.#beat = this.#timers?.every(this.#pollMs, look, { background: true });
  }

  async #pause(): Promise<void> {
    if (this.#timers !== undefined) await pause(this.#timers, this.#pollMs, this.#options.signal);
  }

  /** One file, to where the next one begins. */
  async *#readOut(): AsyncGenerator<FollowedLines> {
    const { follow, signal } = this.#options;
    let hasLingered = false;
    while (!signal.aborted && this.#reader !== undefined) {
      const reader = this.#reader;
      if (follow && reader.read.end === 0) await this.#rotations.lookIfMoved(() => this.#reader);
      if (this.#rotations.takeOvertaken()) {
        this.#reader = undefined;
        await this.#rotations.retire(reader.file, true);
        return;
      }
      if (reader.isReplaced) {
        yield* this.#passReplaced(reader);
        return;
      }
      yield* this.#sayLosses();
      const lines = await this.#linesOf(reader);
      if (lines === 'LOST') {
        yield* this.#finish(reader, [reader.skip('ROTATED_AWAY', 0, { files: 1, bytes: undefined })]);
        return;
      }
      if (lines !== undefined) {
        if (lines.length > 0) yield lines as FollowedLines;
        hasLingered = false;
        continue;
      }
      if (follow) await this.#rotations.lookIfMoved(() => this.#reader);
      if (reader.isReplaced) continue;
      const isOver = !this.#rotations.isEmpty;
      // Whoever writes may still write to the file that was renamed, until it notices or is told.
      if (isOver && (!follow || !this.#rotations.isLast || hasLingered)) {
        yield* this.#finish(reader, reader.end('HALF_LINE'));
        return;
      }
      if (!follow) {
        yield* this.#finish(reader, reader.end('line'));
        return;
      }
      hasLingered = isOver;
      yield [];
      await this.#pause();
    }
  }

  /** Emptied in place: what was not read is in a copy, or gone. */
  async *#passReplaced(reader: LineReader): AsyncGenerator<FollowedLines> {
    await this.#rotations.look(() => this.#reader);
    const continuation = this.#rotations.takeContinuation();
    const { offset } = reader.position;
    if (continuation === undefined) {
      const loss = { files: 0, bytes: reader.unreadBytes };
      yield* this.#finish(reader, [reader.skip('FILE_TRUNCATED', offset, loss)]);
      return;
    }
    const { identity } = reader;
    this.#reader = undefined;
    await this.#rotations.retire(reader.file, true);
    await this.#open(continuation, { offset, as: identity });
  }

  async *#finish(reader: LineReader, last: readonly FollowedLine[]): AsyncGenerator<FollowedLines> {
    if (last.length > 0) yield last as FollowedLines;
    if (this.#rotations.takeGap()) {
      yield [reader.skip('ROTATED_AWAY', 0, { files: undefined, bytes: undefined })] as FollowedLines;
    }
    this.#passed = reader.position;
    this.#reader = undefined;
    await this.#rotations.retire(reader.file, reader.isReplaced);
  }

  /** false: there is no next file yet. */
  async *#openNext(): AsyncGenerator<FollowedLines, boolean> {
    const next = (await this.#rotations.next()) ?? (await this.#openCurrent());
    if (next === undefined) return false;
    if (next instanceof OpenedFile) await this.#open(next, { offset: 0 });
    else yield [this.#lossOf({ files: 1, bytes: next.lostBytes })];
    return true;
  }

  /** Where it is followed, what cannot be opened for now is asked for again, as what is not there yet. */
  async #openCurrent(): Promise<OpenedFile | undefined> {
    try {
      return await OpenedFile.open(this.#path);
    } catch (error) {
      if (this.#options.follow && isUnreadable(error)) return undefined;
      throw error;
    }
  }

  /** A position may be in the file that cannot be opened for now: it is not lost yet. */
  async *#untilReadable(): AsyncGenerator<FollowedLines> {
    while (!this.#options.signal.aborted) {
      try {
        const file = await OpenedFile.open(this.#path);
        await file?.close();
        return;
      } catch (error) {
        if (!this.#options.follow || !isUnreadable(error)) throw error;
      }
      yield [];
      await this.#pause();
    }
  }

  /** Lost: a rotated file that cannot be read on. Where it is the file that was asked for, that is an error. */
  async #linesOf(reader: LineReader): Promise<FollowedLine[] | undefined | 'LOST'> {
    try {
      return await reader.next();
    } catch (error) {
      if ((await inodeAt(this.#path)) === reader.file.inode) throw error;
      return 'LOST';
    }
  }

  *#sayLosses(): Generator<FollowedLines> {
    const losses = this.#rotations.takeLosses();
    if (losses.length > 0) yield losses.map((loss) => this.#lossOf(loss));
  }

  #lossOf(loss: SourceLoss): FollowedLines[number] {
    const after = this.#reader?.position ?? this.#passed ?? this.#options.from ?? { inode: '0', offset: 0, head: '' };
    return { kind: 'skipped', reason: 'ROTATED_AWAY', offset: 0, after, loss };
  }

  async #open(file: OpenedFile, from: ReadFrom): Promise<void> {
    this.#reader = await LineReader.open(file, from, this.#options.lineBytesMax);
  }
}
