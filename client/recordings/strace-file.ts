import { basename } from 'node:path';
import type { ProcessIdentity, SourceBatch, SourceItem } from '../events/source-item.ts';
import type { FilePosition, FollowOptions } from './file-follower.ts';
import { itemsOfLines } from './line-items.ts';
import { parseStraceLine } from './strace-line.ts';

/** The text of `strace -f`, of one workload. */
export async function* straceFile(
  path: string,
  workloadClass: string,
  options: FollowOptions,
): AsyncGenerator<SourceBatch<FilePosition>> {
  const identity = (pid: number): ProcessIdentity => ({
    node: '',
    namespace: '',
    workload: workloadClass,
    pod: '',
    container: '',
    binary: '',
    pid,
    workloadClass,
  });
  yield* itemsOfLines(path, options, (text, where) => itemOf(text, basename(path), identity, where));
}

function itemOf(
  text: string,
  file: string,
  identity: (pid: number) => ProcessIdentity,
  where: string,
): SourceItem | undefined {
  const parsed = parseStraceLine(text);
  switch (parsed.kind) {
    case 'remark':
      return undefined;
    case 'malformed':
      return { kind: 'skipped', reason: 'NOT_A_CALL', where };
    case 'end':
      return { kind: 'end', thread: `${file}/${parsed.pid}` };
    case 'call': {
      const { pid, call, argumentClass, atMs } = parsed;
      return { kind: 'call', thread: `${file}/${pid}`, process: identity(pid), call, argumentClass, atMs };
    }
  }
}
