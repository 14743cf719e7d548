import type { Fault } from '../../proto/fault.ts';
import type { SourceConfig } from '../config.ts';
import { falcoFile } from './falco-file.ts';
import type { FilePosition } from './file-follower.ts';
import type { SourceBatch } from './source-item.ts';
import { straceSource } from './strace-source.ts';
import { tetragonFile } from './tetragon-file.ts';
import { tetragonStream } from './tetragon-stream.ts';

export type LiveSource = Exclude<SourceConfig, { kind: 'traceFile' }>;

/** Whether a source has an end; the others go on until the client stops. */
export function hasEnd(source: SourceConfig): boolean {
  return source.kind === 'traceFile' || ('follow' in source && !source.follow);
}

/** Names a source, for its cursor and for people. */
export function sourceName(source: SourceConfig): string {
  return `${source.kind}:${'path' in source ? source.path : source.address}`;
}

/** The batches of a source from a position on. */
export function openSource(
  source: LiveSource,
  from: FilePosition | undefined,
  signal: AbortSignal,
  onDisconnect: (fault: Fault) => void,
): AsyncGenerator<SourceBatch<FilePosition>> {
  switch (source.kind) {
    case 'tetragonFile':
      return tetragonFile(source.path, { from, follow: source.follow, signal });
    case 'strace':
      return straceSource(source.path, source.workload, { from, follow: source.follow, signal });
    case 'falcoFile':
      return falcoFile(source.path, { from, follow: source.follow, signal });
    case 'tetragonGrpc':
      return tetragonStream(source.address, {
        signal,
        reconnect: { firstMs: 500, maxMs: 30_000 },
        unit: Math.random,
        onDisconnect,
      });
  }
}
