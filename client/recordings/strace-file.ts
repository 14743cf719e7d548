import { basename } from 'node:path';
import type { ProcessIdentity, SourceBatch, SourceItem } from '../events/source-item.ts';
import { type FilePosition, type FollowedLine, type FollowOptions, followFile } from './file-follower.ts';
import { skippedLine } from './line-items.ts';
import { parseStraceLine } from './strace-line.ts';
import { StraceThreads } from './strace-threads.ts';

/** The text of `strace`, with -f or without, of one workload. */
export async function* straceFile(
  path: string,
  workloadClass: string,
  options: FollowOptions,
): AsyncGenerator<SourceBatch<FilePosition>> {
  const threads = new StraceThreads(basename(path));
  let inode: string | undefined;
  for await (const line of settled(followFile(path, options), threads)) {
    if (line.kind === 'idle') {
      yield { items: [], cursor: undefined };
      continue;
    }
    const isAnotherRun = inode !== undefined && inode !== line.after.inode;
    inode = line.after.inode;
    if (isAnotherRun || (line.kind === 'skipped' && line.reason === 'FILE_TRUNCATED')) threads.restart();
    const where = `${path}:${line.offset}`;
    if (line.kind === 'skipped') {
      yield { items: [skippedLine(line, where)], cursor: line.after };
      continue;
    }
    const items: SourceItem[] = line.repaired === true ? [{ kind: 'repaired', where }] : [];
    const item = itemOf(line.text, threads, workloadClass, where);
    if (item !== undefined) items.push(item);
    yield { items, cursor: line.after };
  }
}

/** Lines that wait for one that tells whose they are. */
const waitingMax = 1_000;

/** The same lines, each only when it can be told as well as it ever will be whose it is. */
async function* settled(lines: AsyncIterable<FollowedLine>, threads: StraceThreads): AsyncGenerator<FollowedLine> {
  let waiting: FollowedLine[] = [];
  for await (const line of lines) {
    waiting.push(line);
    if (threads.isUnsettled) {
      const isLast = line.kind !== 'line' || waiting.length >= waitingMax;
      if (!threads.settle(isLast ? undefined : line.text)) continue;
    }
    yield* waiting;
    waiting = [];
  }
  if (threads.isUnsettled) threads.settle(undefined);
  yield* waiting;
}

function itemOf(text: string, threads: StraceThreads, workloadClass: string, where: string): SourceItem | undefined {
  const line = parseStraceLine(text);
  switch (line.kind) {
    case 'remark':
      threads.remark(text);
      return undefined;
    case 'malformed':
      return { kind: 'skipped', reason: 'NOT_A_CALL', where };
    case 'end':
      return { kind: 'end', thread: threads.ended(line).name };
    case 'call': {
      const { call, argumentClass, atMs } = line;
      const { name, pid } = threads.caller(line);
      return { kind: 'call', thread: name, process: identityOf(workloadClass, pid), call, argumentClass, atMs };
    }
  }
}

function identityOf(workloadClass: string, pid: number): ProcessIdentity {
  return {
    node: '',
    namespace: '',
    workload: workloadClass,
    pod: '',
    container: '',
    binary: '',
    pid,
    workloadClass,
  };
}
