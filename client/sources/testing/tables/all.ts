import type { ReaderTable } from '../reader-case.ts';
import { accessLogs } from './access-logs.ts';

/** Every reader's table, in the order of docs/sources.md. A new reader adds a line. */
export const readerTables: readonly ReaderTable[] = [accessLogs];
