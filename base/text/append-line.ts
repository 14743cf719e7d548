import { open } from 'node:fs/promises';
import { privateFileMode } from '../atomic-file.ts';

const newline = 0x0a;

/**
 * Appends a line to a file that others may read and rotate. What a full disk or a kill left of the line before is ended first: else
 * both would be one that nobody can read. Rejects with the system's error.
 */
export async function appendLine(path: string, line: string): Promise<void> {
  const file = await open(path, 'a+', privateFileMode);
  try {
    const { size } = await file.stat();
    // A pipe has no size, and nothing of it is read.
    const last = size === 0 ? newline : (await file.read(Buffer.alloc(1), 0, 1, size - 1)).buffer[0];
    await file.appendFile(`${last === newline ? '' : '\n'}${line}\n`);
  } finally {
    await file.close();
  }
}
