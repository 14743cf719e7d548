import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** Of a document that somebody wrote or a tool printed: configurations, policies, keys, specs, signed metadata. */
export const documentBytesMax = 16 * 1_048_576;
/** Of what grows with a cluster or with time, such as what kubectl prints of all pods: little less than a text of V8 may have. */
export const textBytesMax = 500 * 1_048_576;

const atOnce = 65_536;

/**
 * A file (or an open one, such as 0 for standard input) whole, of at most `bytesMax` bytes; throws the system's EFBIG beyond, having
 * read no more than that. `readFileSync` of a text takes as much memory as the file has bytes, whatever that is, and fails above
 * 0.5 or 2 GiB with an error that no caller expects: a name that was mistyped, or a device, must not cost more than a sentence.
 */
export function readWhole(file: string | number, bytesMax = documentBytesMax): Buffer {
  const opened = typeof file === 'number' ? file : openSync(file, 'r');
  try {
    const { size } = fstatSync(opened);
    if (size > bytesMax) throw tooLarge(file, bytesMax);
    const parts: Buffer[] = [];
    let length = 0;
    for (let step = Math.max(size + 1, atOnce); ; step = atOnce) {
      const part = Buffer.allocUnsafe(step);
      const count = readSync(opened, part, 0, step, null);
      if (count === 0) return Buffer.concat(parts, length);
      length += count;
      if (length > bytesMax) throw tooLarge(file, bytesMax); // A pipe, a device, or a file that grows.
      parts.push(part.subarray(0, count));
    }
  } finally {
    if (opened !== file) closeSync(opened);
  }
}

/** As `readWhole`, as UTF-8. */
export function readWholeText(file: string | number, bytesMax?: number): string {
  return readWhole(file, bytesMax).toString('utf8');
}

function tooLarge(file: string | number, bytesMax: number): NodeJS.ErrnoException {
  const whose = typeof file === 'number' ? 'standard input' : `'${file}'`;
  const message = `EFBIG: file too large, at most ${bytesMax / 1_048_576} MiB are read of ${whose}`;
  return Object.assign(new Error(message), { code: 'EFBIG', errno: -27, syscall: 'read' });
}
