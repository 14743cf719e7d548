import type { Timers } from '../../../base/time.ts';
import type { SkipReason, SourceLoss } from '../../events/source-item.ts';

/** A place in a file that survives renaming: rotation changes a file's name and not its inode. */
export type FilePosition = Readonly<{
  inode: string;
  /** Of the next byte; of the unpacked text where the file was packed meanwhile. */
  offset: number;
  /** Digest of the file's first bytes: file systems give inodes of deleted files out again. */
  head: string;
  /** When the file was last written, and its bytes, as far as was seen. Absent in positions of older versions. */
  writtenMs?: number | undefined;
  size?: number | undefined;
}>;

export type FollowedLine = Readonly<
  /** `repaired`: it held bytes that are no UTF-8, each replaced by U+FFFD. */
  | { kind: 'line'; text: string; offset: number; after: FilePosition; repaired?: boolean }
  | { kind: 'skipped'; reason: SkipReason; offset: number; after: FilePosition; loss?: SourceLoss }
  /** Nothing new for now; comes once each time the end is reached. */
  | { kind: 'idle' }
>;

/** `follow: false`: end at the end of the file, a last line without newline included. That needs no time. */
export type FollowOptions = Readonly<{
  from?: FilePosition | undefined;
  signal: AbortSignal;
  pollMs?: number;
  lineBytesMax?: number;
}> &
  Readonly<{ follow: false; timers?: Timers } | { follow: boolean; timers: Timers }>;
