import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { isMissing } from '../../base/atomic-file.ts';
import type { Alert } from '../../client/scoring/alert.ts';
import { alertIn } from '../../client/scoring/alert.ts';

const lookMs = 250;
const blockBytes = 1 << 20;

/**
 * Alerts that are added to a file from the moment on when it is opened, also after it was rotated: it is read to its end under its old
 * name, and then the new one from its beginning.
 */
export class AlertWatch {
  readonly #path: string;
  #file: Growing | undefined;

  private constructor(path: string, file: Growing | undefined) {
    this.#path = path;
    this.#file = file;
  }

  static async open(path: string): Promise<AlertWatch> {
    const file = await Growing.open(path);
    file?.toEnd();
    return new AlertWatch(path, file);
  }

  /** Ends with `signal`. */
  async run(tell: (alert: Alert) => void, signal?: AbortSignal): Promise<void> {
    while (signal?.aborted !== true) {
      await this.#look(tell);
      await setTimeout(lookMs);
    }
    await this.#file?.close();
  }

  async #look(tell: (alert: Alert) => void): Promise<void> {
    const now = await Growing.open(this.#path);
    await this.#file?.read(tell); // Nothing is added under the old name once there is another.
    if (now === undefined || now.inode === this.#file?.inode) return now?.close();
    await this.#file?.close();
    this.#file = now;
    await now.read(tell);
  }
}

/** A file that others add lines to. Stays readable when it is renamed. */
class Growing {
  readonly inode: bigint;
  readonly #handle: FileHandle;
  #at = 0;
  #size: number;
  #rest = '';

  private constructor(handle: FileHandle, inode: bigint, size: number) {
    this.#handle = handle;
    this.inode = inode;
    this.#size = size;
  }

  static async open(path: string): Promise<Growing | undefined> {
    let handle: FileHandle;
    try {
      handle = await open(path, 'r');
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
    const { ino, size } = await handle.stat({ bigint: true });
    return new Growing(handle, ino, Number(size));
  }

  toEnd(): void {
    this.#at = this.#size;
  }

  /** To its end, for now. */
  async read(tell: (alert: Alert) => void): Promise<void> {
    this.#size = (await this.#handle.stat()).size;
    if (this.#size < this.#at) [this.#at, this.#rest] = [0, '']; // It was emptied.
    const block = Buffer.alloc(Math.min(blockBytes, this.#size - this.#at));
    while (this.#at < this.#size) {
      const { bytesRead } = await this.#handle.read(block, 0, block.length, this.#at);
      if (bytesRead === 0) return;
      this.#at += bytesRead;
      const lines = (this.#rest + block.toString('latin1', 0, bytesRead)).split('\n'); // Bytes as they are: a block may end within a character.
      this.#rest = lines.pop() ?? '';
      for (const line of lines) {
        const alert = alertIn(Buffer.from(line, 'latin1').toString('utf8'));
        if (alert !== undefined) tell(alert);
      }
    }
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}
