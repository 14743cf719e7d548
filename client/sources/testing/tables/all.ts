import type { ReaderTable } from '../reader-case.ts';
import { accessLogs } from './access-logs.ts';
import { hubble } from './hubble.ts';
import { strace } from './strace.ts';
import { tetragon } from './tetragon.ts';

/** Every reader's table, in the order of docs/sources.md. A new reader adds a line. */
export const readerTables: readonly ReaderTable[] = [accessLogs, strace, hubble, tetragon];
