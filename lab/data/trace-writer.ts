import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
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
  const zip = createGzip({ level: 1 });
  const file = zip.pipe(createWriteStream(path, { mode: 0o600 }));
  for (const { service, family, name, calls } of traces) {
    const line = `${split}\t${cluster}\t${service}\t${family}\t${name}\t${Array.from(calls, nameOfCallId).join(' ')}\n`;
    if (!zip.write(line)) await new Promise((resolve) => zip.once('drain', resolve));
  }
  zip.end();
  await finished(file);
}
