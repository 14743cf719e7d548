import { noArgumentClass, pathClass, portClass } from '../events/argument-class.ts';
import type { ProcessIdentity, SourceItem } from '../events/source-item.ts';
import { type Abi, callIdOfName, callIdOfNumber } from '../events/vocabulary.ts';
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
  image: string;
  labels: ReadonlyMap<string, string>;
}>;

/** What both transports, JSON and protobuf, are brought to. */
export type TetragonEvent = Readonly<{
  node: string;
  atMs: number;
  event:
    | Readonly<{ kind: 'exec' | 'exit'; process: TetragonProcess }>
    | Readonly<{ kind: 'tracepoint'; process: TetragonProcess; hook: string; args: readonly TetragonArgument[] }>
    | Readonly<{ kind: 'kprobe'; process: TetragonProcess; hook: string; args: readonly TetragonArgument[] }>
    | Readonly<{ kind: 'dropped'; count: number }>
    | Readonly<{ kind: 'ignored' }>
    | Readonly<{ kind: 'unknown' }>;
}>;

/** Tetragon's words for numbering schemes; x32's numbers carry a high bit that no table knows. */
const abis: Readonly<Record<string, Abi>> = { x64: 'x86_64', i386: 'i386', arm64: 'arm64' };

/** The item that an event is. `where` is its position, for people. */
export function itemOfTetragon({ node, atMs, event }: TetragonEvent, where: string): SourceItem | undefined {
  switch (event.kind) {
    case 'unknown':
      return { kind: 'skipped', reason: 'UNKNOWN_EVENT_TYPE', where };
    case 'ignored':
      return { kind: 'skipped', reason: 'IGNORED_EVENT_TYPE', where };
    case 'dropped':
      return { kind: 'lost', count: event.count };
    case 'exec':
      // Execution goes on in the same thread; the call itself arrives by its own event.
      return undefined;
    case 'exit':
      return { kind: 'end', thread: threadOf(event.process) };
    case 'tracepoint':
    case 'kprobe': {
      if (event.process.execId === '') return { kind: 'skipped', reason: 'INCOMPLETE_EVENT', where };
      const call = callOf(event.kind, event.hook, event.args);
      if (call === undefined) return { kind: 'skipped', reason: 'IGNORED_EVENT_TYPE', where };
      return {
        kind: 'call',
        thread: threadOf(event.process),
        process: identityOf(node, event.process),
        call,
        argumentClass: classOf(event.args),
        atMs,
      };
    }
  }
}

/** A thread of a process: exec ids are unique over time and nodes, thread ids within one. */
function threadOf({ execId, tid, pid }: TetragonProcess): string {
  return `${execId}/${tid === 0 ? pid : tid}`;
}

/** raw_syscalls names the call by number; hooks on single calls, such as "__x64_sys_openat", by name. */
function callOf(kind: 'tracepoint' | 'kprobe', hook: string, args: readonly TetragonArgument[]): number | undefined {
  if (kind === 'tracepoint') {
    const single = /^syscalls\/sys_enter_(\w+)$/.exec(hook);
    if (single !== null) return callIdOfName(single[1] ?? '');
    if (hook !== 'raw_syscalls/sys_enter') return undefined;
    const [first] = args;
    if (first?.kind === 'syscall') return callIdOfNumber(first.number, abis[first.abi] ?? 'x86_64');
    // Before v1.3 the number came alone, with bit 31 set for 32-bit callers.
    if (first?.kind !== 'number') return undefined;
    const is32 = Math.floor(first.value / 2 ** 31) % 2 === 1;
    return is32 ? callIdOfNumber(first.value % 2 ** 31, 'i386') : callIdOfNumber(first.value, 'x86_64');
  }
  const named = /^__(?:x64|ia32|arm64)_(?:compat_)?sys_(\w+)$|^sys_(\w+)$/.exec(hook);
  return named === null ? undefined : callIdOfName(named[1] ?? named[2] ?? '');
}

function classOf(args: readonly TetragonArgument[]): number {
  for (const argument of args) {
    if (argument.kind === 'path' && argument.path !== '') return pathClass(argument.path);
    if (argument.kind === 'port') return portClass(argument.port);
  }
  return noArgumentClass;
}

function identityOf(node: string, process: TetragonProcess): ProcessIdentity {
  const { namespace, workload, pod, container, binary, pid } = process;
  return { node, namespace, workload, pod, container, binary, pid, workloadClass: workloadClassOf(process) };
}
