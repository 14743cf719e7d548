import { type FileHandle, open, stat } from 'node:fs/promises';
import { appendDurably, isMissing, privateFileMode } from '../atomic-file.ts';

const newline = 0x0a;

/**
 * Appends a line to a file that others may read and rotate; durable: on disk when it resolves. What a full disk or a kill left of the
 * line before is ended first: else both would be one that nobody can read. Where the file may be written and not read, nobody can look
 * for that, and an empty line comes before each. Rejects with the system's error.
 */
export async function appendLine(path: string, line: string, { durable = false } = {}): Promise<void> {
  const { file, isReadable } = await openToAppend(path);
  try {
    const { size } = await file.stat();
    const last = size === 0 ? newline : isReadable ? await byteAt(file, size - 1) : undefined;
    const text = `${last === newline ? '' : '\n'}${line}\n`;
    await (durable ? appendDurably(file, text) : file.appendFile(text));
  } finally {
    await file.close();
  }
}

async function openToAppend(path: string): Promise<Readonly<{ file: FileHandle; isReadable: boolean }>> {
  // A pipe is opened for writing alone, which waits for who reads it: for both, a line would go into one that nobody has open, and be lost.
  if (await isPlainFile(path)) {
    try {
      return { file: await open(path, 'a+', privateFileMode), isReadable: true };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
    }
  }
  return { file: await open(path, 'a', privateFileMode), isReadable: false };
}

async function byteAt(file: FileHandle, position: number): Promise<number | undefined> {
  return (await file.read(Buffer.alloc(1), 0, 1, position)).buffer[0];
}

/** Also of one that is yet to be. */
async function isPlainFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    if (isMissing(error)) return true;
    throw error;
  }
}
