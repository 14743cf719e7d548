import { constants } from 'node:fs';
import { open, opendir, readlink } from 'node:fs/promises';
import { captureLimits } from './limits.ts';

/** Bytes of a file, at most `bytesMax`; undefined where it is not there or may not be read. */
export async function readBounded(path: string, bytesMax: number): Promise<Buffer | undefined> {
  const file = await open(path, constants.O_RDONLY).catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    const parts: Buffer[] = [];
    for (let left = bytesMax; left > 0; ) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(Math.min(left, 65_536)));
      if (bytesRead === 0) break;
      parts.push(buffer.subarray(0, bytesRead));
      left -= bytesRead;
    }
    return Buffer.concat(parts);
  } catch {
    return undefined; // Its process has ended meanwhile.
  } finally {
    await file.close();
  }
}

/** As it was written but for what a terminal would obey, in one line. */
export async function readLine(path: string, bytesMax: number): Promise<string> {
  return printed((await readBounded(path, bytesMax)) ?? Buffer.alloc(0));
}

/** The kernel's own tables, line by line. */
export async function readText(path: string, bytesMax: number): Promise<string | undefined> {
  const bytes = await readBounded(path, bytesMax);
  return bytes
    ?.toString('utf8')
    .split('\n')
    .map((line) => printed(Buffer.from(line)))
    .join('\n');
}

/** Where a link points, as its owner wrote it; '' where it cannot be read. */
export async function linkText(path: string): Promise<string> {
  const bytes = await readlink(path, { encoding: 'buffer' }).catch(() => Buffer.alloc(0));
  return printed(bytes.subarray(0, captureLimits.textBytes));
}

/** Names in a folder that are numbers, and how many there are; `max` at most. */
export async function numbersIn(
  path: string,
  max: number,
): Promise<Readonly<{ names: readonly number[]; count: number }>> {
  const names: number[] = [];
  let count = 0;
  const folder = await opendir(path, { bufferSize: 256 }).catch(() => undefined);
  if (folder === undefined) return { names, count };
  try {
    for await (const { name } of folder) {
      if (!/^\d{1,10}$/.test(name)) continue;
      count += 1;
      names.push(Number(name));
      if (count >= max) break;
    }
  } catch {
    // Its process has ended meanwhile.
  }
  return { names, count };
}

/** What cannot be seen or writes to a terminal stays readable as what it is; a NUL, which parts words, and a tab are blanks. */
function printed(bytes: Buffer): string {
  return bytes.toString('utf8').replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code === 0 || code === 9 ? ' ' : `\\x${code.toString(16).padStart(2, '0')}`;
  });
}
