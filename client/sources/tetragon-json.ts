import { isoTimeMs } from '../../base/text/iso-time.ts';
import { jsonNumberOf } from '../../base/text/number.ts';
import { isPlausibleTime } from '../events/plausible-time.ts';
import type { SkipReason } from '../events/source-item.ts';
import { type Fields, isFields, parseJsonObject } from './json-line.ts';
import { containerIdOf, type TetragonArgument, type TetragonEvent, type TetragonProcess } from './tetragon-event.ts';

/** Types that Tetragon has and that say nothing about single calls. */
const ignored = ['process_loader', 'process_uprobe', 'process_lsm', 'process_usdt', 'test'];

/** One line of Tetragon's JSON export. Read field by field: a schema's checks cost more than the parsing does. */
export function readTetragonJson(line: string): TetragonEvent | SkipReason {
  const record = parseJsonObject(line);
  if (typeof record === 'string') return record;
  const event = eventOf(record);
  if (event === undefined) return 'INCOMPLETE_EVENT';
  const parsedMs = isoTimeMs(text(record.time), { zoneless: 'utc' });
  return {
    node: text(record.node_name),
    atMs: isPlausibleTime(parsedMs) ? parsedMs : 0,
    count: isFields(record.aggregation_info) ? countOf(record.aggregation_info.count) : 1,
    event,
  };
}

function eventOf(record: Fields): TetragonEvent['event'] | undefined {
  if (Object.hasOwn(record, 'process_tracepoint')) {
    const body = record.process_tracepoint;
    const process = processIn(body);
    if (!isFields(body) || process === undefined) return undefined;
    return {
      kind: 'tracepoint',
      process,
      hook: `${text(body.subsys)}/${text(body.event)}`,
      args: argumentsOf(body.args),
    };
  }
  if (Object.hasOwn(record, 'process_kprobe')) {
    const body = record.process_kprobe;
    const process = processIn(body);
    if (!isFields(body) || process === undefined) return undefined;
    return { kind: 'kprobe', process, hook: text(body.function_name), args: argumentsOf(body.args) };
  }
  for (const kind of ['exec', 'exit'] as const) {
    const name = `process_${kind}`;
    if (!Object.hasOwn(record, name)) continue;
    const process = processIn(record[name]);
    return process === undefined ? undefined : { kind, process };
  }
  if (Object.hasOwn(record, 'rate_limit_info')) {
    const info = record.rate_limit_info;
    return { kind: 'dropped', count: isFields(info) ? number(info.number_of_dropped_process_events) : 0 };
  }
  if (Object.hasOwn(record, 'process_throttle')) return { kind: 'throttled' };
  return { kind: ignored.some((name) => Object.hasOwn(record, name)) ? 'ignored' : 'unknown' };
}

function processIn(body: unknown): TetragonProcess | undefined {
  if (!isFields(body) || !isFields(body.process)) return undefined;
  const { exec_id, pid, tid, binary } = body.process;
  const pod = isFields(body.process.pod) ? body.process.pod : none;
  const container = isFields(pod.container) ? pod.container : none;
  const labels = isFields(pod.pod_labels) ? pod.pod_labels : none;
  return {
    execId: text(exec_id),
    pid: number(pid),
    tid: number(tid),
    binary: text(binary),
    namespace: text(pod.namespace),
    pod: text(pod.name),
    workload: text(pod.workload),
    container: text(container.name),
    containerId: containerIdOf(text(container.id) || text(body.process.docker)),
    image: isFields(container.image) ? text(container.image.name) : '',
    labels: { get: (name) => (typeof labels[name] === 'string' ? labels[name] : undefined) },
  };
}

const none: Fields = Object.freeze({});

function argumentsOf(args: unknown): TetragonArgument[] {
  return Array.isArray(args) ? args.map((argument) => (isFields(argument) ? argumentOf(argument) : other)) : [];
}

const other: TetragonArgument = { kind: 'other' };

function argumentOf(argument: Fields): TetragonArgument {
  const { syscall_id, string_arg, sock_arg, skb_arg, sockaddr_arg, sockaddrun_arg } = argument;
  // protobuf's JSON leaves zeros out.
  if (isFields(syscall_id))
    return { kind: 'syscall', number: jsonNumberOf(syscall_id.id ?? 0), abi: text(syscall_id.abi) };
  const file = argument.file_arg ?? argument.path_arg ?? argument.linux_binprm_arg ?? sockaddrun_arg;
  if (isFields(file)) return { kind: 'path', path: text(file.path) };
  if (typeof string_arg === 'string') return { kind: 'path', path: string_arg };
  const peer = sock_arg ?? skb_arg;
  if (isFields(peer)) return portOf(peer.dport);
  if (isFields(sockaddr_arg)) return portOf(sockaddr_arg.port);
  const value = argument.size_arg ?? argument.long_arg ?? argument.uint_arg ?? argument.int_arg;
  // 64-bit numbers are texts in protobuf's JSON.
  if (typeof value === 'string' || typeof value === 'number') return { kind: 'number', value: jsonNumberOf(value) };
  return other;
}

function portOf(value: unknown): TetragonArgument {
  const port = jsonNumberOf(value ?? 0);
  return Number.isInteger(port) && port >= 0 && port < 65_536 ? { kind: 'port', port } : other;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** 0 for what is no number. */
function number(value: unknown): number {
  return jsonNumberOf(value) || 0;
}

/** Of an aggregate: one at least. */
function countOf(value: unknown): number {
  return Math.min(Math.max(1, Math.floor(number(value))), Number.MAX_SAFE_INTEGER);
}
