import { z } from 'zod';
import type { SkipReason } from '../events/source-item.ts';
import type { TetragonArgument, TetragonEvent, TetragonProcess } from './tetragon-event.ts';

const text = z.string().catch('');
const count = z.coerce.number().catch(0);

const process = z.object({
  exec_id: text,
  pid: count.optional(),
  tid: count.optional(),
  binary: text,
  pod: z
    .object({
      namespace: text,
      name: text,
      workload: text,
      container: z
        .object({ name: text, image: z.object({ name: text }).optional().catch(undefined) })
        .optional()
        .catch(undefined),
      pod_labels: z.record(z.string(), z.string()).optional().catch(undefined),
    })
    .optional()
    .catch(undefined),
});
const body = z.object({
  process: process.optional(),
  subsys: text,
  event: text,
  function_name: text,
  args: z.array(z.record(z.string(), z.unknown())).catch([]),
  number_of_dropped_process_events: count,
});

/** Types that Tetragon has and that say nothing about single calls. */
const ignored = ['process_loader', 'process_uprobe', 'process_throttle', 'process_lsm', 'process_usdt', 'test'];

/** One line of Tetragon's JSON export. */
export function readTetragonJson(line: string): TetragonEvent | SkipReason {
  let candidate: unknown;
  try {
    candidate = JSON.parse(line);
  } catch {
    return 'MALFORMED_JSON';
  }
  if (typeof candidate !== 'object' || candidate === null || Array.isArray(candidate)) return 'NOT_AN_OBJECT';
  const record = candidate as Record<string, unknown>;
  const node = typeof record.node_name === 'string' ? record.node_name : '';
  const parsedMs = typeof record.time === 'string' ? Date.parse(record.time) : Number.NaN;
  const atMs = Number.isNaN(parsedMs) ? 0 : parsedMs;
  const event = eventOf(record);
  return event === undefined ? 'INCOMPLETE_EVENT' : { node, atMs, event };
}

function eventOf(record: Record<string, unknown>): TetragonEvent['event'] | undefined {
  const own = (name: string) => (Object.hasOwn(record, name) ? body.safeParse(record[name]).data : undefined);
  const hasProcess = (kind: 'exec' | 'exit', name: string): TetragonEvent['event'] | undefined => {
    const found = own(name)?.process;
    return found === undefined ? undefined : { kind, process: processOf(found) };
  };
  if (Object.hasOwn(record, 'process_tracepoint')) {
    const found = own('process_tracepoint');
    if (found?.process === undefined) return undefined;
    const hook = `${found.subsys}/${found.event}`;
    return { kind: 'tracepoint', process: processOf(found.process), hook, args: found.args.map(argumentOf) };
  }
  if (Object.hasOwn(record, 'process_kprobe')) {
    const found = own('process_kprobe');
    if (found?.process === undefined) return undefined;
    const { function_name: hook, args } = found;
    return { kind: 'kprobe', process: processOf(found.process), hook, args: args.map(argumentOf) };
  }
  if (Object.hasOwn(record, 'process_exec')) return hasProcess('exec', 'process_exec');
  if (Object.hasOwn(record, 'process_exit')) return hasProcess('exit', 'process_exit');
  if (Object.hasOwn(record, 'rate_limit_info')) {
    return { kind: 'dropped', count: own('rate_limit_info')?.number_of_dropped_process_events ?? 0 };
  }
  return { kind: ignored.some((name) => Object.hasOwn(record, name)) ? 'ignored' : 'unknown' };
}

function processOf({ exec_id, pid, tid, binary, pod }: z.infer<typeof process>): TetragonProcess {
  return {
    execId: exec_id,
    pid: pid ?? 0,
    tid: tid ?? 0,
    binary,
    namespace: pod?.namespace ?? '',
    pod: pod?.name ?? '',
    workload: pod?.workload ?? '',
    container: pod?.container?.name ?? '',
    image: pod?.container?.image?.name ?? '',
    labels: new Map(Object.entries(pod?.pod_labels ?? {})),
  };
}

function argumentOf(argument: Record<string, unknown>): TetragonArgument {
  const { syscall_id, file_arg, path_arg, string_arg, sock_arg, size_arg, long_arg, uint_arg, int_arg } = argument;
  if (isRecord(syscall_id)) {
    return { kind: 'syscall', number: Number(syscall_id.id ?? 0), abi: String(syscall_id.abi ?? '') };
  }
  const file = isRecord(file_arg) ? file_arg : path_arg;
  if (isRecord(file)) return { kind: 'path', path: String(file.path ?? '') };
  if (typeof string_arg === 'string') return { kind: 'path', path: string_arg };
  if (isRecord(sock_arg)) return { kind: 'port', port: Number(sock_arg.dport ?? 0) };
  const number = size_arg ?? long_arg ?? uint_arg ?? int_arg;
  // 64-bit numbers are texts in protobuf's JSON.
  if (typeof number === 'string' || typeof number === 'number') return { kind: 'number', value: Number(number) };
  return { kind: 'other' };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
