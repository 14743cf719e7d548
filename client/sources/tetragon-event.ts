import { noArgumentClass, pathClass, portClass } from '../events/argument-class.ts';
import type { ProcessIdentity, SourceItem } from '../events/source-item.ts';
import { pieceCallsMax } from '../events/trace.ts';
import { type Abi, callIdOfNumber, unknownId } from '../events/vocabulary.ts';
import { callIdOfHook } from './tetragon-hook.ts';
import { workloadClassOf } from './workload-class.ts';

/** One argument of a hook, whichever way it arrived. */
export type TetragonArgument = Readonly<
  | { kind: 'number'; value: number }
  | { kind: 'syscall'; number: number; abi: string }
  | { kind: 'path'; path: string }
  | { kind: 'port'; port: number }
  | { kind: 'other' }
>;

export type TetragonProcess = Readonly<{
  execId: string;
  pid: number;
  tid: number;
  binary: string;
  namespace: string;
  pod: string;
  workload: string;
  container: string;
  /** Empty, or hexadecimal: the whole id or its first fifteen digits. */
  containerId: string;
  image: string;
  labels: Pick<ReadonlyMap<string, string>, 'get'>;
}>;

/** What both transports, JSON and protobuf, are brought to. */
export type TetragonEvent = Readonly<{
  node: string;
  atMs: number;
  /** How many events like this one the exporter put into it. */
  count: number;
  event:
    | Readonly<{ kind: 'exec' | 'exit'; process: TetragonProcess }>
    | Readonly<{ kind: 'tracepoint'; process: TetragonProcess; hook: string; args: readonly TetragonArgument[] }>
    | Readonly<{ kind: 'kprobe'; process: TetragonProcess; hook: string; args: readonly TetragonArgument[] }>
    /** NaN where the number is none. */
    | Readonly<{ kind: 'dropped'; count: number }>
    | Readonly<{ kind: 'throttled' }>
    | Readonly<{ kind: 'ignored' }>
    | Readonly<{ kind: 'unknown' }>;
}>;

export type TetragonOptions = Readonly<{
  /** Whose the numbers are that come without a word of it, as Tetragon wrote them before v1.3. */
  abi: Abi;
}>;

/**
 * Names of the numbering schemes that there are tables for. Numbers of all others (arm32, riscv64, x32, whose numbers carry a
 * high bit, or no name at all) are unknown calls: no table is right for them.
 */
const abis: ReadonlyMap<string, Abi> = new Map([
  ['x64', 'x86_64'],
  ['x86_64', 'x86_64'],
  ['amd64', 'x86_64'],
  ['i386', 'i386'],
  ['arm64', 'arm64'],
  ['aarch64', 'arm64'],
]);

/** The items that an event is: none, one, or as many calls as the exporter counted. `where` is its position, for people. */
export function itemsOfTetragon(tetragon: TetragonEvent, where: string, { abi }: TetragonOptions): SourceItem[] {
  const { node, atMs, event } = tetragon;
  switch (event.kind) {
    case 'unknown':
      return [{ kind: 'skipped', reason: 'UNKNOWN_EVENT_TYPE', where }];
    case 'ignored':
      return [{ kind: 'skipped', reason: 'IGNORED_EVENT_TYPE', where }];
    case 'dropped':
      // Each says how many since the one before, so that they add up over restarts of the exporter.
      if (!(event.count >= 0 && event.count <= Number.MAX_SAFE_INTEGER)) {
        return [{ kind: 'skipped', reason: 'BAD_FIELD', where }];
      }
      return [{ kind: 'lost', count: event.count }];
    case 'throttled':
      // It does not say how many events were dropped: one at least.
      return [{ kind: 'lost', count: 1 }];
    case 'exec':
      // Execution goes on in the same thread; the call itself arrives by its own event.
      return event.process.execId === '' ? [{ kind: 'skipped', reason: 'INCOMPLETE_EVENT', where }] : [];
    case 'exit':
      if (event.process.execId === '') return [{ kind: 'skipped', reason: 'INCOMPLETE_EVENT', where }];
      return [{ kind: 'end', thread: threadOf(event.process) }];
    case 'tracepoint':
    case 'kprobe': {
      if (event.process.execId === '') return [{ kind: 'skipped', reason: 'INCOMPLETE_EVENT', where }];
      const call = callOf(event.kind, event.hook, event.args, abi);
      if (call === undefined) return [{ kind: 'skipped', reason: 'IGNORED_EVENT_TYPE', where }];
      const item: SourceItem = {
        kind: 'call',
        thread: threadOf(event.process),
        process: identityOf(node, event.process),
        call,
        argumentClass: classOf(event.args),
        atMs,
      };
      return tetragon.count > 1 ? repeated(item, tetragon.count) : [item];
    }
  }
}

/** Bounded: what is more than a piece of a trace is as good as lost. */
function repeated(item: SourceItem, count: number): SourceItem[] {
  const items = Array<SourceItem>(Math.min(count, pieceCallsMax)).fill(item);
  if (count > pieceCallsMax) items.push({ kind: 'lost', count: count - pieceCallsMax });
  return items;
}

/** "containerd://551e…" is "551e…". */
export function containerIdOf(id: string): string {
  const at = id.indexOf('://');
  return at === -1 ? id : id.slice(at + 3);
}

/** A thread of a process: exec ids are unique over time and nodes, thread ids within one. */
function threadOf({ execId, tid, pid }: TetragonProcess): string {
  return `${execId}/${tid === 0 ? pid : tid}`;
}

/** raw_syscalls names the call by number; hooks on single calls, such as "__x64_sys_openat", by name. */
function callOf(
  kind: 'tracepoint' | 'kprobe',
  hook: string,
  args: readonly TetragonArgument[],
  abi: Abi,
): number | undefined {
  if (kind === 'kprobe' || hook !== 'raw_syscalls/sys_enter') return callIdOfHook(kind, hook);
  const [first] = args;
  if (first?.kind === 'syscall') {
    const numbering = abis.get(first.abi);
    return numbering === undefined ? unknownId : callIdOfNumber(first.number, numbering);
  }
  // Before v1.3 the number came alone, with bit 31 set for 32-bit callers.
  if (first?.kind !== 'number') return undefined;
  if (Math.floor(first.value / 2 ** 31) % 2 === 0) return callIdOfNumber(first.value, abi);
  return abi === 'arm64' ? unknownId : callIdOfNumber(first.value % 2 ** 31, 'i386');
}

function classOf(args: readonly TetragonArgument[]): number {
  for (const argument of args) {
    if (argument.kind === 'path' && argument.path !== '') return pathClass(argument.path);
    if (argument.kind === 'port') return portClass(argument.port);
  }
  return noArgumentClass;
}

function identityOf(node: string, process: TetragonProcess): ProcessIdentity {
  const { namespace, workload, pod, container, containerId, binary, pid } = process;
  const identity = { node, namespace, workload, pod, container, binary, pid, workloadClass: workloadClassOf(process) };
  return containerId === '' ? identity : { ...identity, containerId };
}
