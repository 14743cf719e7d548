import { open, stat } from 'node:fs/promises';
import { isMissing, privateFileMode } from '../atomic-file.ts';

const newline = 0x0a;

/**
 * Appends a line to a file that others may read and rotate. What a full disk or a kill left of the line before is ended first: else
 * both would be one that nobody can read. Rejects with the system's error.
 */
export async function appendLine(path: string, line: string): Promise<void> {
  // A pipe is opened for writing alone, which waits for who reads it: for both, a line would go into one that nobody has open, and be lost.
  const file = await open(path, (await isPlainFile(path)) ? 'a+' : 'a', privateFileMode);
  try {
    const { size } = await file.stat();
    const last = size === 0 ? newline : (await file.read(Buffer.alloc(1), 0, 1, size - 1)).buffer[0];
    await file.appendFile(`${last === newline ? '' : '\n'}${line}\n`);
  } finally {
    await file.close();
  }
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
