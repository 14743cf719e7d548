import { fileURLToPath } from 'node:url';
import { contentKey, type Trace } from '../../client/events/trace.ts';
import type { Abi } from '../../client/events/vocabulary.ts';
import { readTraceFile } from '../../client/recordings/trace-file.ts';

/** The set that ships with the product. */
export const recordedPath = fileURLToPath(new URL('../../data/recorded/syscalls.tsv.gz', import.meta.url));

/** All traces of a file, in its order. Throws where a line is none. */
export async function readAll(path: string, abi: Abi = 'x86_64'): Promise<Trace[]> {
  const traces: Trace[] = [];
  for await (const item of readTraceFile(path, { abi })) {
    if (item.kind !== 'trace') throw new Error(`${path}: ${item.fault.message}`);
    traces.push(item.trace);
  }
  return traces;
}

/** Which part of ten a content belongs to: the same content is always in the same part. */
export function partOf(calls: Uint16Array): number {
  let hash = 0x811c9dc5;
  for (const unit of contentKey(calls)) hash = Math.imul(hash ^ unit.charCodeAt(0), 0x01000193);
  return ((hash ^ (hash >>> 15)) >>> 0) % 10;
}
