import { createHmac } from 'node:crypto';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { appendDurably, privateFileMode } from '../../../base/atomic-file.ts';
import type { EpochMs } from '../../../base/time.ts';
import { type SigningKeyPair, signingKeyPairOf } from '../../../proto/envelope/crypto/keys.ts';
import { decodeEntry, digestOfLine, encodeEntry, type Said } from './record.ts';
import { nothingRecorded, type Recorded } from './recorder.ts';

/** What signs the log, from the secret that draws lifetimes. */
export function logKeyOf(secret: Buffer): SigningKeyPair {
  return signingKeyPairOf(createHmac('sha256', secret).update('testudo rotation log').digest());
}

/** Turns entries into lines that hold one another; the file is the caller's. */
export class LogWriter {
  readonly #key: SigningKeyPair;
  #sequence: number;
  #previous: string | null;

  constructor(key: SigningKeyPair, sequence = 0, previous: string | null = null) {
    this.#key = key;
    this.#sequence = sequence;
    this.#previous = previous;
  }

  /** "<sequence> <digest>" of the last line: who has seen it knows when the log was cut off before it. */
  get head(): string {
    return `${this.#sequence} ${this.#previous ?? ''}`;
  }

  write(said: Said, atMs: EpochMs): string {
    this.#sequence += 1;
    const line = encodeEntry({ sequence: this.#sequence, previous: this.#previous, atMs, said }, this.#key);
    this.#previous = digestOfLine(line);
    return line;
  }
}

/** The log of one agent, appended and synced. A line that a power cut left half is cut off when it is opened. */
export class RotationLog {
  /** What it said of epochs before this start: they are not committed to twice. */
  readonly recorded: Recorded;
  readonly #file: FileHandle;
  readonly #writer: LogWriter;
  #writing: Promise<void> = Promise.resolve();
  #isClosed = false;

  private constructor(file: FileHandle, writer: LogWriter, recorded: Recorded) {
    this.#file = file;
    this.#writer = writer;
    this.recorded = recorded;
  }

  static async open(path: string, secret: Buffer): Promise<RotationLog> {
    const key = logKeyOf(secret);
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    });
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    const lines = whole.split('\n').slice(0, -1);
    const committed = new Set<number>();
    const revealed = new Set<number>();
    for (const line of lines) {
      const entry = decodeEntry(line, key.publicKey);
      if (!entry.ok) continue; // For `verify` to say; what comes next goes on from the last line as it stands.
      const { said } = entry.value;
      if (said.kind === 'epoch') committed.add(said.epoch);
      if (said.kind === 'reveal') revealed.add(said.epoch);
    }
    const file = await open(path, 'a', privateFileMode);
    if (whole.length < text.length) await file.truncate(Buffer.byteLength(whole));
    const last = lines.at(-1);
    const writer = new LogWriter(key, lines.length, last === undefined ? null : digestOfLine(last));
    return new RotationLog(file, writer, { ...nothingRecorded, committed, revealed });
  }

  get head(): string {
    return this.#writer.head;
  }

  /** Rejects where the disk does not take it. In the order of the calls. */
  append(said: readonly Said[], atMs: EpochMs): Promise<void> {
    if (said.length === 0 || this.#isClosed) return this.#writing;
    const text = said.map((one) => `${this.#writer.write(one, atMs)}\n`).join('');
    this.#writing = this.#writing.then(async () => {
      await appendDurably(this.#file, text);
    });
    return this.#writing;
  }

  /** May be called twice. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#writing.catch(() => undefined);
    await this.#file.close();
  }
}
