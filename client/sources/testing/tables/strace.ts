import { argumentClasses } from '../../../events/argument-class.ts';
import { callIdOfName, unknownId } from '../../../events/vocabulary.ts';
import { straceFile } from '../../../recordings/strace-file.ts';
import { parseStraceLine } from '../../../recordings/strace-line.ts';
import type { ItemShape, ReaderTable } from '../reader-case.ts';

const call = (name: string, pid: number, over: Record<string, unknown> = {}): ItemShape => ({
  kind: 'call',
  call: callIdOfName(name),
  process: { pid, workload: 'shell', workloadClass: 'shell' },
  ...over,
});
const of = (thread: string) => ({ thread: `lines.log/${thread}` });
const withClass = (name: string) => ({ argumentClass: argumentClasses.indexOf(name) });
const end = (thread: string): ItemShape => ({ kind: 'end', ...of(thread) });
const notACall: ItemShape = { kind: 'skipped', reason: 'NOT_A_CALL' };

/** Of the workload `shell`. */
export const strace: ReaderTable = {
  source: 'strace',
  title: 'strace',
  format: 'text',
  notes: [
    'On a terminal strace writes a pid only while it follows several threads. A line without one belongs to the thread that is left; where options hide who that is (`-q`, `-qq`, `-e trace=`), it begins a trace of its own, and no trace mixes two threads.',
    'Followed and ended without a word (`-qq`, forks and exits filtered out), processes of one terminal cannot be told apart: write to a file (`-f -o FILE`).',
    'A call counts where it begins. Signals, results that come later and remarks of strace say nothing about calls and are not counted.',
    'What a program writes to the same terminal can look like a line of strace; a file of strace’s own (`-o`) holds nothing else.',
  ],
  cases: [
    {
      tool: 'strace',
      versions: '5 to 6',
      shape: '`-f`, terminal: without pid, with `[pid N]`, without pid again',
      lines: [
        'execve("/usr/bin/sh", ["sh", "w.sh"], 0x7ffcd4be36e8 /* 35 vars */) = 0',
        'clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLDstrace: Process 9625 attached',
        ', child_tidptr=0x7fd503a2a050) = 9625',
        '[pid  9625] set_robust_list(0x7f2a4ebbea20, 24 <unfinished ...>',
        '[pid  9623] read(3,  <unfinished ...>',
        '[pid  9625] <... set_robust_list resumed>) = 0',
        '[pid  9623] <... read resumed>"", 8192) = 0',
        '[pid  9623] exit_group(0)               = ?',
        '[pid  9623] +++ exited with 0 +++',
        '--- SIGHUP {si_signo=SIGHUP, si_code=SI_KERNEL} ---',
        'close(3)                                = 0',
        '+++ killed by SIGHUP +++',
      ],
      items: [
        call('execve', 0, { ...of('0'), atMs: 0, ...withClass('path:program') }),
        call('clone', 0, of('0')),
        call('set_robust_list', 9625, of('9625')),
        call('read', 9623, of('0')),
        call('exit_group', 9623, of('0')),
        end('0'),
        call('close', 9625, of('9625')),
        end('9625'),
      ],
    },
    {
      tool: 'strace',
      versions: '5 to 6',
      shape: '`-f -q`, terminal: whose the last line is cannot be told',
      lines: ['brk(NULL) = 0x55', '[pid     8] close(3) = 0', '[pid     9] close(3) = 0', 'getppid() = 1'],
      items: [call('brk', 0, of('0')), call('close', 8), call('close', 9), call('getppid', 0, of('0.4'))],
    },
    {
      tool: 'strace',
      versions: '5 to 6',
      shape: '`-f -o FILE` with `-tt` or `-ttt`',
      lines: [
        '9824  18:13:28.669142 openat(AT_FDCWD, "/etc/shadow", O_RDONLY) = -1 EACCES (Permission denied)',
        '9866  1795889608.961325 openat(AT_FDCWD, "/tmp/x", O_RDONLY) = 3',
        '9866  1795889608.961338 exit_group(0) = ?',
        '9866  1795889608.961350 +++ exited with 0 +++',
      ],
      items: [
        call('openat', 9824, { atMs: 0, ...withClass('path:credentials') }),
        call('openat', 9866, { atMs: 1_795_889_608_961, ...withClass('path:temporary') }),
        call('exit_group', 9866),
        end('9866'),
      ],
    },
    {
      tool: 'strace',
      versions: '5.11 to 6',
      shape: '`-Y -n -i -ttt -r -T` at once, `--absolute-timestamps=unix,s`, `-r` alone',
      lines: [
        '[pid  9921<sh>] 1795889611.462205 (+     0.000013) [  59] [00007f025c502ad7] execve("/usr/bin/cat", ["cat"], 0x56 /* 35 vars */) = 0 <0.000091>',
        '9928<tokio worker> 1795889611.591816 (+     0.000013) [ 257] [00007f0c53eb8011] openat(AT_FDCWD, "w.sh", O_RDONLY) = 3 <0.000004>',
        '9947  1795889612 close(3) = 0',
        '9746       0.000014 newfstatat(AT_FDCWD, ".", {st_mode=S_IFDIR|0755, st_size=4096, ...}, 0) = 0',
      ],
      items: [
        call('execve', 9921, { atMs: 1_795_889_611_462, ...withClass('path:program') }),
        call('openat', 9928, withClass('path:relative')),
        call('close', 9947, { atMs: 1_795_889_612_000 }),
        call('newfstatat', 9746, { atMs: 0 }),
      ],
    },
    {
      tool: 'strace',
      versions: '5 to 6',
      shape: '`-y`, `-yy`: descriptors with their files and connections',
      lines: [
        '7 openat(AT_FDCWD</home/dev>, "/usr/lib/libm.so.6", O_RDONLY) = 3</usr/lib/libm.so.6>',
        '7 openat(5</etc>, "shadow", O_RDONLY) = 6</etc/shadow>',
        '7 connect(5<TCP:[361102]>, {sa_family=AF_INET, sin_port=htons(6379), sin_addr=inet_addr("192.0.2.9")}, 16) = 0',
        '7 sendto(5<UDP:[1]>, "sin_port=htons(22)", 18, 0, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("192.0.2.9")}, 16) = 18',
        '7 write(1</dev/pts/0<char 136:0>>, "/etc/shadow", 11) = 11',
      ],
      items: [
        call('openat', 7, withClass('path:library')),
        call('openat', 7, withClass('path:credentials')),
        call('connect', 7, withClass('port:store')),
        call('sendto', 7, withClass('port:dns')),
        call('write', 7, withClass('none')),
      ],
    },
    {
      tool: 'strace',
      versions: '5 to 6',
      shape: 'attached to a process (`-p`), interrupted calls, `?` results, stacks (`-k`), `--seccomp-bpf`',
      lines: [
        'strace: Process 19354 attached',
        'restart_syscall(<... resuming interrupted read ...>) = 0',
        'nanosleep({tv_sec=1, tv_nsec=0}, NULL)  = ? ERESTART_RESTARTBLOCK (Interrupted by signal)',
        ' > /usr/lib/libc.so.6(clock_nanosleep+0x67) [0xd6d47]',
        '--- SIGTERM {si_signo=SIGTERM, si_code=SI_USER, si_pid=9, si_uid=0} ---',
        'kill(19354, SIGKILL)                    = ?',
        'strace: Process 19354 detached',
      ],
      items: [
        call('restart_syscall', 19354, of('19354')),
        call('nanosleep', 19354, of('19354')),
        call('kill', 19354, of('19354')),
      ],
    },
    {
      tool: 'strace',
      versions: '5 to 6',
      shape: 'a call without a name, 32-bit callers',
      lines: [
        '[ Process PID=8 runs in 32 bit mode. ]',
        '8 fstatat64(AT_FDCWD, "/dev/null", {st_mode=S_IFCHR|0666}, 0) = 0',
        '8 syscall_0x1c7(0, 0) = -1 ENOSYS (Function not implemented)',
      ],
      items: [call('newfstatat', 8, withClass('path:device')), call('', 8, { call: unknownId })],
    },
    {
      tool: 'strace',
      versions: '5 to 6',
      shape: 'summaries (`-c`, `-C`), and what the command wrote to the same terminal',
      lines: [
        'write(1, "hello\\n", 6hello',
        ')                  = 6',
        'hello world',
        '% time     seconds  usecs/call     calls    errors syscall',
        '------ ----------- ----------- --------- --------- ----------------',
        ' 24.24    0.000123          12        10           read',
        '100.00    0.000507           2       251        35 total',
      ],
      items: [call('write', 0), ...Array<ItemShape>(5).fill(notACall)],
    },
    {
      tool: 'strace',
      versions: '5 to 6',
      shape: 'calls behind what strace never writes: the times of whoever handed the lines on, a name in quotes',
      lines: [
        '2026-03-02T09:00:01.123456+0000 read(3, "", 1) = 0',
        '2026-03-02T09:00:01+00:00 12345 read(3, "", 1) = 0',
        'Mar 02 09:00:01 host read(3, "", 1)        = 0',
        '0x1c2(1) = 0',
        '"read(3) = 0", 11) = 11',
      ],
      items: Array<ItemShape>(4).fill(notACall),
    },
    {
      tool: 'strace',
      versions: '5 to 6',
      shape: 'seconds that nobody can have meant: of 1973, of 2999',
      lines: [
        '7 100000001.5 read(3, "", 1) = 0',
        '7 32503680000.5 read(3, "", 1) = 0',
        '7 1772442001.5 read(3, "", 1) = 0',
      ],
      items: [call('read', 7, { atMs: 0 }), call('read', 7, { atMs: 0 }), call('read', 7, { atMs: 1_772_442_001_500 })],
    },
  ],
  open: (path, follow) => straceFile(path, 'shell', follow),
  // A line is read without the hole that a writer may have left before it.
  isQuiet: (line) => parseStraceLine(line.replace(/^[\0\ufeff]+/, '')).kind === 'remark',
};
