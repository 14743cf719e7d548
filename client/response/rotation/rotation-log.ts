import { createHmac } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { appendDurably, privateFileMode } from '../../../base/atomic-file.ts';
import { boundedLines } from '../../../base/text/bounded-lines.ts';
import type { EpochMs } from '../../../base/time.ts';
import { type SigningKeyPair, signingKeyPairOf } from '../../../proto/envelope/crypto/keys.ts';
import { type ChainEnd, ChainWriter } from '../chain-end.ts';
import { decodeEntry, digestOfLine, encodeEntry, type Said } from './record.ts';
import { nothingRecorded, type Recorded } from './recorder.ts';

/** What signs the log, from the secret that draws lifetimes. */
export function logKeyOf(secret: Buffer): SigningKeyPair {
  return signingKeyPairOf(createHmac('sha256', secret).update('testudo rotation log').digest());
}

/** Turns entries into lines that hold one another, from an end on; the file is the caller's. */
export class LogWriter {
  readonly #key: SigningKeyPair;
  #end: ChainEnd<string>;

  constructor(key: SigningKeyPair, end: ChainEnd<string> = { sequence: 0, digest: null }) {
    this.#key = key;
    this.#end = end;
  }

  get end(): ChainEnd<string> {
    return this.#end;
  }

  write(said: Said, atMs: EpochMs): string {
    const sequence = this.#end.sequence + 1;
    const line = encodeEntry({ sequence, previous: this.#end.digest, atMs, said }, this.#key);
    this.#end = { sequence, digest: digestOfLine(line) };
    return line;
  }
}

/** "<sequence> <digest>" of the last line: who has seen it knows when the log was cut off before it. */
export function headText({ sequence, digest }: ChainEnd<string>): string {
  return `${sequence} ${digest ?? ''}`;
}

/** Of entries that could not be written yet; a disk that is full for longer costs a new beginning. */
const unwrittenMax = 50_000;

export type LogOptions = Readonly<{ unwrittenMax?: number }>;

/** The log of one agent, appended and synced. A line that a power cut left half is cut off when it is opened. */
export class RotationLog {
  /** What it said before this start: no epoch is committed to twice, and a pod that went meanwhile is still said to be gone. */
  readonly recorded: Recorded;
  readonly #file: FileHandle;
  readonly #key: SigningKeyPair;
  readonly #writer: ChainWriter<string>;
  readonly #unwrittenMax: number;
  /** Said, and not on disk: they go with the next entry. */
  #unwritten: Readonly<{ said: Said; atMs: EpochMs }>[] = [];
  /** Bytes of the file that stand: what a failed write left behind them is cut off. */
  #bytes: number;
  #isTorn = false;
  #isClosed = false;

  private constructor(
    file: FileHandle,
    key: SigningKeyPair,
    at: Readonly<{ end: ChainEnd<string>; bytes: number; recorded: Recorded; unwrittenMax: number }>,
  ) {
    this.#file = file;
    this.#key = key;
    this.#writer = new ChainWriter(at.end);
    this.#bytes = at.bytes;
    this.#unwrittenMax = at.unwrittenMax;
    this.recorded = at.recorded;
  }

  static async open(path: string, secret: Buffer, options: LogOptions = {}): Promise<RotationLog> {
    const key = logKeyOf(secret);
    const file = await open(path, 'a+', privateFileMode);
    const whole = { bytes: 0, lines: 0, last: '' };
    const committed = new Set<number>();
    const revealed = new Set<number>();
    const pods = new Map<string, Readonly<{ reason: null; risks: 0; isExposureSaid: boolean }>>();
    for await (const line of boundedLines(wholeLines(file, whole), Number.POSITIVE_INFINITY)) {
      whole.lines += 1;
      whole.last = line ?? '';
      const entry = decodeEntry(whole.last, key.publicKey);
      if (!entry.ok) continue; // For `verify` to say; what comes next goes on from the last line as it stands.
      const { said } = entry.value;
      if (said.kind === 'epoch') committed.add(said.epoch);
      if (said.kind === 'reveal') revealed.add(said.epoch);
      if (said.kind === 'seen') {
        const isExposureSaid = said.exposedBy !== undefined || pods.get(said.uid)?.isExposureSaid === true;
        pods.set(said.uid, { reason: null, risks: 0, isExposureSaid });
      }
      if (said.kind === 'gone') pods.delete(said.uid);
    }
    const { bytes } = whole;
    if ((await file.stat()).size > bytes) await file.truncate(bytes);
    const end = { sequence: whole.lines, digest: whole.lines === 0 ? null : digestOfLine(whole.last) };
    const recorded = { ...nothingRecorded, pods, committed, revealed };
    return new RotationLog(file, key, { end, bytes, recorded, unwrittenMax: options.unwrittenMax ?? unwrittenMax });
  }

  /** What is on disk, as `headText` writes it. */
  get head(): string {
    return headText(this.#writer.end);
  }

  /**
   * On disk when it resolves, in the order of the calls, behind what could not be written before. Rejects where the disk does not take
   * it: it is written with the next call. 'lost': too much waited, and all of it is forgotten; whoever says more begins anew.
   */
  append(said: readonly Said[], atMs: EpochMs): Promise<'written' | 'lost'> {
    if (!this.#isClosed) this.#unwritten.push(...said.map((one) => ({ said: one, atMs })));
    return this.#writer.extend((end, reached) => this.#write(end, reached));
  }

  /** May be called twice. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // What could not be written is tried once more.
    await this.append([], 0).catch(() => undefined);
    await this.#file.close();
  }

  async #write(end: ChainEnd<string>, reached: (end: ChainEnd<string>) => void): Promise<'written' | 'lost'> {
    const taken = [...this.#unwritten];
    if (taken.length === 0) return 'written';
    try {
      if (this.#isTorn) await this.#file.truncate(this.#bytes);
      const writer = new LogWriter(this.#key, end);
      const text = taken.map(({ said, atMs }) => `${writer.write(said, atMs)}\n`).join('');
      this.#isTorn = true;
      await appendDurably(this.#file, text);
      this.#isTorn = false;
      this.#bytes += Buffer.byteLength(text);
      this.#unwritten = this.#unwritten.slice(taken.length);
      reached(writer.end);
      return 'written';
    } catch (error) {
      if (taken.length <= this.#unwrittenMax) throw error;
      this.#unwritten = [];
      return 'lost';
    }
  }
}

/** The bytes of a file from its start to its last newline, counted; of what is read, a line is held at most. */
async function* wholeLines(file: FileHandle, whole: { bytes: number }): AsyncGenerator<Buffer> {
  let begun: Buffer[] = [];
  for await (const chunk of file.createReadStream({ start: 0, autoClose: false }) as AsyncIterable<Buffer>) {
    const end = chunk.lastIndexOf(0x0a) + 1;
    if (end > 0) {
      const ended = Buffer.concat([...begun, chunk.subarray(0, end)]);
      whole.bytes += ended.length;
      yield ended;
      begun = [];
    }
    if (end < chunk.length) begun.push(chunk.subarray(end));
  }
}
