import type { Fault } from '../../base/fault.ts';
import type { Timers } from '../../base/time.ts';
import type { SourceBatch } from '../events/source-item.ts';
import { AddressBook } from '../recordings/address-book.ts';
import { csvFlowFile } from '../recordings/csv-flow-file.ts';
import type { FilePosition } from '../recordings/file-follower.ts';
import { flowRecording } from '../recordings/flow-recording.ts';
import { straceFile } from '../recordings/strace-file.ts';
import { falcoFile } from './falco-file.ts';
import { hubbleFile } from './flow/hubble-file.ts';
import { hubbleStream } from './flow/hubble-stream.ts';
import { meshAccessLog } from './flow/mesh-access-log.ts';
import { isRecorded, type SourceConfig } from './source-config.ts';
import { tetragonFile } from './tetragon-file.ts';
import { tetragonStream } from './tetragon-stream.ts';
import { traceFileSource } from './trace-file-source.ts';

const reconnect = { firstMs: 500, maxMs: 30_000 };

/** Whether a source has an end; the others go on until the client stops. */
export function hasEnd(source: SourceConfig): boolean {
  return isRecorded(source) || ('follow' in source && !source.follow);
}

/** Names a source, for its cursor and for people. */
export function sourceName(source: SourceConfig): string {
  if (source.kind === 'ofTrack') return `ofTrack:${source.track}:${JSON.stringify(source.settings)}`;
  return `${source.kind}:${'path' in source ? source.path : source.address}`;
}

export type OpenSourceOptions = Readonly<{
  from: FilePosition | undefined;
  signal: AbortSignal;
  timers: Timers;
  onDisconnect: (fault: Fault) => void;
  /** Opens the sensor that a configured track brings itself; undefined where it is not run or brings none. */
  ofTrack(track: string, settings: unknown): AsyncIterable<SourceBatch<FilePosition>> | undefined;
}>;

/** The batches of a source from a position on. Throws a FaultError where a track refuses its source's settings. */
export function openSource(
  source: SourceConfig,
  { from, signal, timers, onDisconnect, ofTrack }: OpenSourceOptions,
): AsyncIterable<SourceBatch<FilePosition>> {
  switch (source.kind) {
    case 'traceFile':
      return traceFileSource(source.path, { splits: source.splits, abi: source.abi, signal });
    case 'tetragonFile':
      return tetragonFile(
        source.path,
        { from, follow: source.follow, signal, timers },
        { abi: source.abi ?? 'x86_64' },
      );
    case 'strace':
      return straceFile(source.path, source.workload, { from, follow: source.follow, signal, timers });
    case 'falcoFile':
      return falcoFile(source.path, { from, follow: source.follow, signal, timers });
    case 'tetragonGrpc':
      return tetragonStream(
        source.address,
        { signal, reconnect, unit: Math.random, timers, onDisconnect },
        { abi: source.abi ?? 'x86_64' },
      );
    case 'hubbleFile':
      return hubbleFile(source.path, { from, follow: source.follow, signal, timers });
    case 'hubbleGrpc':
      return hubbleStream(source.address, {
        signal,
        reconnect,
        unit: Math.random,
        timers,
        onDisconnect,
        tls: source.tls,
      });
    case 'flowCsv':
    case 'flowLog': {
      const layout = { addresses: new AddressBook(source.addresses), part: source.part };
      return csvFlowFile(source.path, { follow: { from, follow: source.follow, signal, timers }, layout });
    }
    case 'flowRecording': {
      const layout = { addresses: new AddressBook(source.addresses), part: source.part };
      return flowRecording(source.path, { layout, labels: source.labels, signal });
    }
    case 'meshAccessLog': {
      const { namespace, workload } = source;
      const mesh = { self: { namespace, workload }, addresses: new AddressBook(source.addresses) };
      return meshAccessLog(source.path, { follow: { from, follow: source.follow, signal, timers }, mesh });
    }
    case 'ofTrack': {
      const opened = ofTrack(source.track, source.settings);
      if (opened === undefined) throw new RangeError(`track ${source.track} is not run or brings no source`);
      return opened;
    }
  }
}
