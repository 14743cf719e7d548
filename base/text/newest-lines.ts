import { open } from 'node:fs/promises';
import { isMissing } from '../atomic-file.ts';

const blockBytes = 256 << 10;
const newline = 0x0a;

/** The lines of a file, newest first: it is read from its end, so far as they are asked for. None where there is no file. */
export async function* newestLines(path: string): AsyncGenerator<string> {
  const file = await open(path, 'r').catch((error: unknown) => {
    if (isMissing(error)) return undefined;
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
        yield* bytes.subarray(cut).toString('utf8').split('\n').reverse();
        rest = bytes.subarray(0, cut);
      }
      end = from;
    }
  } finally {
    await file.close();
  }
}
