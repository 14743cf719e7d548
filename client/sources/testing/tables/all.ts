import type { ReaderTable } from '../reader-case.ts';
import { gatewayText } from './access-logs/gateway-text.ts';
import { accessLogsInJson } from './access-logs/json.ts';
import { meshText } from './access-logs/mesh-text.ts';
import { falco } from './falco.ts';
import { flowLogDocuments, flowLogLines, flowLogTables } from './flow-logs.ts';
import { hubble } from './hubble.ts';
import { strace } from './strace.ts';
import { tetragon } from './tetragon.ts';

/** Every reader's table, in the order of docs/sources.md. A new reader adds a line. */
export const readerTables: readonly ReaderTable[] = [
  meshText,
  gatewayText,
  accessLogsInJson,
  strace,
  hubble,
  tetragon,
  falco,
  flowLogLines,
  flowLogTables,
  flowLogDocuments,
];
