import { argumentClasses } from '../../../events/argument-class.ts';
import { callIdOfName, unknownId } from '../../../events/vocabulary.ts';
import { tetragonFile } from '../../tetragon-file.ts';
import { readTetragonJson } from '../../tetragon-json.ts';
import type { ItemShape, ReaderTable } from '../reader-case.ts';

const pod =
  '"pod":{"namespace":"shop","name":"web-7d9c-x2x","uid":"9a2c","container":{"id":"containerd://551e161c47d8","name":"nginx","image":{"id":"docker.io/library/nginx@sha256:8e86","name":"docker.io/library/nginx:1.27"},"start_time":"2026-01-02T03:00:00Z","pid":19},"pod_labels":{"tier":"front"},"workload":"web","workload_kind":"Deployment"}';
const process = `"process":{"exec_id":"bjE6MTox","pid":52699,"uid":0,"cwd":"/","binary":"/usr/sbin/nginx","flags":"execve clone","start_time":"2026-01-02T03:00:00.1Z","auid":4294967295,${pod},"docker":"551e161c47d8","parent_exec_id":"bjE6MTow","tid":52701}`;
const onHost = '"process":{"exec_id":"bjE6Mjoy","pid":811,"binary":"/usr/bin/kubelet","tid":811}';
const rest = '"node_name":"n1","time":"2026-01-02T03:04:05.678901234Z"';
const raw = (args: string, over = '') =>
  `{"process_tracepoint":{${process},"subsys":"raw_syscalls","event":"sys_enter","args":[${args}],"policy_name":"calls","action":"KPROBE_ACTION_POST"},${rest}${over}}`;
const byNumber = (id: number, abi: string) => raw(`{"syscall_id":{"id":${id},"abi":"${abi}"}}`);
const kprobe = (hook: string, args = '') =>
  `{"process_kprobe":{${process},"function_name":"${hook}","args":[${args}],"action":"KPROBE_ACTION_POST"},${rest}}`;

const call = (name: string, over: Record<string, unknown> = {}): ItemShape => ({
  kind: 'call',
  call: callIdOfName(name),
  ...over,
});
const unknown: ItemShape = { kind: 'call', call: unknownId };
const skipped = (reason: string): ItemShape => ({ kind: 'skipped', reason });
const withClass = (name: string) => ({ argumentClass: argumentClasses.indexOf(name) });

export const tetragon: ReaderTable = {
  source: 'tetragonFile',
  title: 'Tetragon',
  format: 'json',
  notes: [
    '`tetragonGrpc` reads the same events of the stream and makes the same of them.',
    'Numbers are read by the table of the architecture that they name: `x64`, `i386`, `arm64`. Of any other (`arm32`, `riscv64`, `x32`), and of none, they are the unknown call; names of calls mean the same on every architecture.',
    'An aggregate counts as many calls as it says, 4,096 at most; more of them are counted as lost.',
    '`rate_limit_info` says how many events were dropped since the last one: they add up over restarts. `process_throttle` does not say how many: each counts as one lost.',
    'Hooks on LSM, user-space probes, loaded libraries and kernel functions that begin no call are `IGNORED_EVENT_TYPE`.',
  ],
  cases: [
    {
      tool: 'Tetragon',
      versions: '1.3 to 1.6',
      shape: '`raw_syscalls/sys_enter` with `syscall64`',
      lines: [byNumber(257, 'x64'), raw('{"syscall_id":{"abi":"x64"}}')],
      items: [
        call('openat', {
          thread: 'bjE6MTox/52701',
          atMs: Date.parse('2026-01-02T03:04:05.678Z'),
          process: {
            node: 'n1',
            namespace: 'shop',
            workload: 'web',
            pod: 'web-7d9c-x2x',
            container: 'nginx',
            binary: '/usr/sbin/nginx',
            pid: 52699,
            workloadClass: 'nginx',
          },
        }),
        call('read'),
      ],
    },
    {
      tool: 'Tetragon',
      versions: '1.3 to 1.6',
      shape: 'architectures by name',
      lines: [
        ...[byNumber(59, 'x64'), byNumber(11, 'i386'), byNumber(221, 'arm64'), byNumber(221, 'aarch64')],
        ...[byNumber(11, 'arm32'), byNumber(221, 'riscv64'), byNumber(2 ** 30 + 59, 'x32'), byNumber(59, '')],
      ],
      items: [...Array<ItemShape>(4).fill(call('execve')), ...Array<ItemShape>(4).fill(unknown)],
    },
    {
      tool: 'Tetragon',
      versions: '0.8 to 1.2',
      shape:
        '`raw_syscalls/sys_enter`: a number alone, bit 31 for 32-bit callers (of x86-64 unless the source’s `abi` says otherwise)',
      lines: [raw('{"size_arg":"59"}'), raw('{"long_arg":"59"}'), raw('{"size_arg":"2147483659"}')],
      items: Array<ItemShape>(3).fill(call('execve')),
    },
    {
      tool: 'Tetragon',
      versions: '0.8 to 1.6',
      shape: 'hooks on single calls, by tracepoint and by kprobe',
      lines: [
        `{"process_tracepoint":{${process},"subsys":"syscalls","event":"sys_enter_newstat","args":[]},${rest}}`,
        kprobe('__x64_sys_connect', '{"sock_arg":{"family":"AF_INET","daddr":"192.0.2.9","dport":6379}}'),
        kprobe('__ia32_compat_sys_openat', '{"int_arg":-100},{"string_arg":"/tmp/x","label":"path"}'),
        kprobe('__riscv_sys_execve', '{"linux_binprm_arg":{"path":"/usr/bin/id"}}'),
        kprobe('sys_bind', '{"sockaddr_arg":{"family":"AF_INET","addr":"192.0.2.9","port":53}}'),
        kprobe('__arm64_sys_connect', '{"sockaddrun_arg":{"family":"AF_UNIX","path":"/run/docker.sock"}}'),
      ],
      items: [
        call('stat'),
        call('connect', withClass('port:store')),
        call('openat', withClass('path:temporary')),
        call('execve', withClass('path:program')),
        call('bind', withClass('port:dns')),
        call('connect', withClass('path:container-control')),
      ],
    },
    {
      tool: 'Tetragon',
      versions: '1.0 to 1.6',
      shape: '`aggregation_info`',
      lines: [raw('{"syscall_id":{"id":1,"abi":"x64"}}', ',"aggregation_info":{"count":"3"}')],
      items: Array<ItemShape>(3).fill(call('write')),
    },
    {
      tool: 'Tetragon',
      versions: '0.8 to 1.6',
      shape: 'no pod (a process of the host), no process, ends of processes',
      lines: [
        `{"process_kprobe":{${onHost},"function_name":"__x64_sys_close","args":[]},${rest}}`,
        `{"process_kprobe":{"function_name":"__x64_sys_close","args":[]},${rest}}`,
        `{"process_exit":{"process":{"pid":7}},${rest}}`,
        `{"process_exit":{${process},"signal":"SIGKILL","time":"2026-01-02T03:04:06Z"},${rest}}`,
      ],
      items: [
        call('close', { process: { namespace: '', pod: '', workloadClass: 'kubelet' } }),
        skipped('INCOMPLETE_EVENT'),
        skipped('INCOMPLETE_EVENT'),
        { kind: 'end', thread: 'bjE6MTox/52701' },
      ],
    },
    {
      tool: 'Tetragon',
      versions: '1.0 to 1.6',
      shape: 'LSM, uprobe, USDT and loader events, returns, kernel functions',
      lines: [
        `{"process_lsm":{${process},"function_name":"bprm_check_security","args":[]},${rest}}`,
        `{"process_uprobe":{${process},"path":"/bin/bash","symbol":"readline"},${rest}}`,
        `{"process_usdt":{${process},"path":"/bin/x","provider":"p","name":"n"},${rest}}`,
        `{"process_loader":{${process},"path":"/usr/lib/libc.so.6"},${rest}}`,
        `{"process_tracepoint":{${process},"subsys":"raw_syscalls","event":"sys_exit","args":[{"long_arg":"0"}]},${rest}}`,
        kprobe('security_file_permission', '{"file_arg":{"path":"/etc/passwd"}}'),
        `{"process_future":{${process}},${rest}}`,
      ],
      items: [...Array<ItemShape>(6).fill(skipped('IGNORED_EVENT_TYPE')), skipped('UNKNOWN_EVENT_TYPE')],
    },
    {
      tool: 'Tetragon',
      versions: '0.8 to 1.6',
      shape: 'what the exporter dropped: `rate_limit_info`, fewer after a restart, and `process_throttle`',
      lines: [
        `{"rate_limit_info":{"number_of_dropped_process_events":"120"},${rest}}`,
        `{"rate_limit_info":{"number_of_dropped_process_events":"12"},${rest}}`,
        `{"rate_limit_info":{"number_of_dropped_process_events":"-3"},${rest}}`,
        `{"process_throttle":{"type":"THROTTLE_START","cgroup":"session-429.scope"},${rest}}`,
      ],
      items: [
        { kind: 'lost', count: 120 },
        { kind: 'lost', count: 12 },
        skipped('BAD_FIELD'),
        { kind: 'lost', count: 1 },
      ],
    },
    {
      tool: 'Tetragon',
      versions: 'any',
      shape: 'what is no event',
      lines: ['{"process_tracepoint":{', '[1,2]', 'null'],
      items: [skipped('MALFORMED_JSON'), skipped('NOT_AN_OBJECT'), skipped('NOT_AN_OBJECT')],
    },
  ],
  open: (path, follow) => tetragonFile(path, follow),
  // An aggregate is as many items as it says.
  itemsOfLine: 'some',
  isQuiet: (line) => {
    const event = readTetragonJson(line);
    return typeof event !== 'string' && event.event.kind === 'exec';
  },
};
