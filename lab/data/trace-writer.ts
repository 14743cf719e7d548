import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Trace } from '../../client/events/trace.ts';
import { nameOfCallId } from '../../client/events/vocabulary.ts';

/** Writes traces as a file that clients read: `split TAB cluster TAB service TAB family TAB name TAB calls`, by name. */
export async function writeTraces(
  path: string,
  cluster: string,
  traces: readonly Trace[],
  split: 'train' | 'attack' = 'train',
): Promise<void> {
  await pipeline(linesOf(cluster, traces, split), createGzip({ level: 1 }), createWriteStream(path, { mode: 0o600 }));
}

function* linesOf(cluster: string, traces: readonly Trace[], split: string): Generator<string> {
  for (const { service, family, name, calls } of traces) {
    yield `${split}\t${cluster}\t${service}\t${family}\t${name}\t${Array.from(calls, nameOfCallId).join(' ')}\n`;
  }
}
