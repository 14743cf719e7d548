import { basename } from 'node:path';
import type { ProcessIdentity, SourceBatch, SourceItem } from '../events/source-item.ts';
import { type FilePosition, type FollowOptions, followFile } from './file-follower.ts';
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
  for await (const line of followFile(path, options)) {
    if (line.kind === 'idle') {
      yield { items: [], cursor: undefined };
      continue;
    }
    const where = `${path}:${line.offset}`;
    if (line.kind === 'skipped') {
      yield { items: [{ kind: 'skipped', reason: line.reason, where }], cursor: line.after };
      continue;
    }
    const item = itemOf(line.text, basename(path), identity, where);
    yield { items: item === undefined ? [] : [item], cursor: line.after };
  }
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
