import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/**
 * What a track takes from one round into the next lies in one blob, all float32, little-endian: the server optimiser's
 * moments and then, where the rule starts from it, the last aggregate, shape [d], followed by this mark.
 */
export const lastAggregateMark: Uint8Array = Buffer.from('lastaggr');

/** Where moments end in an open state file, and whether the last aggregate follows. */
export function partsOfState(fd: number, d: number): Readonly<{ momentsBytes: number; hasAggregate: boolean }> {
  const { size } = fstatSync(fd);
  const momentsBytes = size - 4 * d - lastAggregateMark.byteLength;
  const mark = Buffer.alloc(lastAggregateMark.byteLength);
  if (momentsBytes >= 0) readSync(fd, mark, 0, mark.byteLength, size - mark.byteLength);
  const hasAggregate = mark.equals(lastAggregateMark);
  return { momentsBytes: hasAggregate ? momentsBytes : size, hasAggregate };
}

/** The last aggregate, shape [d]; undefined where the state has none: of a track that had another rule until now. */
export function readLastAggregate(path: string, d: number): Float64Array | undefined {
  const fd = openSync(path, 'r');
  try {
    const { momentsBytes, hasAggregate } = partsOfState(fd, d);
    return hasAggregate ? Float64Array.from(readValues(fd, momentsBytes, d)) : undefined;
  } finally {
    closeSync(fd);
  }
}

/** `count` float32 values from a byte offset on. */
export function readValues(fd: number, offsetBytes: number, count: number): Float32Array {
  const values = new Float32Array(count);
  const bytes = new Uint8Array(values.buffer);
  for (let done = 0; done < bytes.byteLength; ) {
    const got = readSync(fd, bytes, done, bytes.byteLength - done, offsetBytes + done);
    if (got === 0) throw new RangeError('candidate: a file is shorter than its spec says');
    done += got;
  }
  return values;
}
