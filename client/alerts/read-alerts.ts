import { open } from 'node:fs/promises';
import { isMissing } from '../../base/atomic-file.ts';
import { type Alert, writtenAlert } from '../scoring/alert.ts';

const blockBytes = 256 << 10;
const newline = 0x0a;

/** The alerts of a file, newest first: it is read from its end, so far as they are asked for. Lines that are none are passed over. */
export async function* newestAlerts(path: string): AsyncGenerator<Alert> {
  const file = await open(path, 'r').catch((error: unknown) => {
    if (isMissing(error)) return undefined; // No alert yet.
    throw error;
  });
  if (file === undefined) return;
  try {
    let end = (await file.stat()).size;
    let rest = Buffer.alloc(0);
    while (end > 0) {
      const from = Math.max(0, end - blockBytes);
      const block = Buffer.alloc(end - from);
      await file.read(block, 0, block.byteLength, from);
      const bytes = Buffer.concat([block, rest]);
      const cut = from === 0 ? 0 : bytes.indexOf(newline) + 1;
      if (from > 0 && cut === 0) {
        rest = bytes; // A line that is longer than a block.
      } else {
        for (const line of bytes.subarray(cut).toString('utf8').split('\n').reverse()) {
          const alert = alertIn(line);
          if (alert !== undefined) yield alert;
        }
        rest = bytes.subarray(0, cut);
      }
      end = from;
    }
  } finally {
    await file.close();
  }
}

/** The alert that a line holds; undefined where it holds none: the file is text, and others may have written to it. */
export function alertIn(line: string): Alert | undefined {
  try {
    const read = writtenAlert.safeParse(JSON.parse(line));
    return read.success ? read.data : undefined;
  } catch {
    return undefined;
  }
}
