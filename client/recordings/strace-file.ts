import { basename } from 'node:path';
import type { ProcessIdentity, SourceBatch, SourceItem } from '../events/source-item.ts';
import { type FilePosition, type FollowedLines, type FollowOptions, followLines } from './file-follower.ts';
import { pushItems } from './line-items.ts';
import { parseStraceLine } from './strace-line.ts';
import { StraceThreads } from './strace-threads.ts';

/** Lines that wait for one that tells whose they are, at most. */
const waitingMax = 1_000;

/** The text of `strace`, with -f or without, of one workload. */
export async function* straceFile(
  path: string,
  workloadClass: string,
  options: FollowOptions,
): AsyncGenerator<SourceBatch<FilePosition>> {
  const threads = new StraceThreads(basename(path));
  const itemOf = (text: string, where: string) => itemOfLine(text, threads, workloadClass, where);
  let inode: string | undefined;
  let waiting: FollowedLines[number][] = [];
  const batchOfWaiting = (items: SourceItem[]): SourceBatch<FilePosition> => {
    for (const line of waiting) {
      const isAnotherRun = inode !== undefined && inode !== line.after.inode;
      inode = line.after.inode;
      if (isAnotherRun || (line.kind === 'skipped' && line.reason === 'FILE_TRUNCATED')) threads.restart();
      pushItems(items, path, line, itemOf);
    }
    const cursor = waiting.at(-1)?.after;
    waiting = [];
    return { items, cursor };
  };
  for await (const lines of followLines(path, options)) {
    const items: SourceItem[] = [];
    let cursor: FilePosition | undefined;
    for (const line of lines) {
      waiting.push(line);
      if (threads.isUnsettled) {
        const isLast = line.kind !== 'line' || waiting.length >= waitingMax;
        if (!threads.settle(isLast ? undefined : line.text)) continue;
      }
      cursor = batchOfWaiting(items).cursor;
    }
    if (lines.length === 0 && waiting.length > 0) {
      // Nothing comes for now: they are told as well as they can be.
      threads.settle(undefined);
      yield batchOfWaiting([]);
    }
    yield { items, cursor };
  }
  if (threads.isUnsettled) threads.settle(undefined);
  if (waiting.length > 0) yield batchOfWaiting([]);
}

function itemOfLine(
  text: string,
  threads: StraceThreads,
  workloadClass: string,
  where: string,
): SourceItem | undefined {
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
