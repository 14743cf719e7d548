import { readdir, readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { argumentClasses } from '../events/argument-class.ts';
import { callIdOfName, unknownId } from '../events/vocabulary.ts';
import { parseStraceLine } from './strace-line.ts';
import { readTraceFile } from './trace-file.ts';

describe('parseStraceLine', () => {
  it.each([
    ['read(3, "x", 1) = 1', 0, 'read'],
    ['1795221999.889981 set_robust_list(0x7f, 24) = 0', 0, 'set_robust_list'],
    ['12345 1795221999.889981 openat(AT_FDCWD, "/etc/shadow", O_RDONLY) = 3', 12345, 'openat'],
    ['[pid  7] 10:11:12.131415 close(3)            = 0', 7, 'close'],
    ['7 10:11:12 futex(0x5, FUTEX_WAIT, 2 <unfinished ...>', 7, 'futex'],
    ['9 exit_group(0) = ?', 9, 'exit_group'],
  ])('reads the call of %s', (line, pid, name) => {
    expect(parseStraceLine(line)).toMatchObject({ kind: 'call', pid, name, call: callIdOfName(name) });
  });

  it.each([
    '7 <... futex resumed>) = 0',
    '7 --- SIGCHLD {si_signo=SIGCHLD} ---',
    'strace: Process 8 attached',
    '[ Process PID=8 runs in 32 bit mode. ]',
    '',
  ])('takes %s for a remark', (line) => {
    expect(parseStraceLine(line)).toEqual({ kind: 'remark' });
  });

  it('tells the end of a thread, what is malformed, and a call without a name', () => {
    expect(parseStraceLine('7 +++ exited with 0 +++')).toEqual({ kind: 'end', pid: 7 });
    expect(parseStraceLine('7 1795221999.1 +++ killed by SIGKILL (core dumped) +++')).toEqual({ kind: 'end', pid: 7 });
    expect(parseStraceLine('7 gibberish').kind).toBe('malformed');
    expect(parseStraceLine('syscall_0x1c7(0, 0) = -1 ENOSYS')).toMatchObject({ kind: 'call', call: unknownId });
  });

  it.each([
    ['openat(AT_FDCWD, "/etc/shadow", O_RDONLY) = 3', 'path:credentials'],
    ['execve("/usr/bin/python3", ["python3"], 0x5 /* 7 vars */) = 0', 'path:program'],
    ['openat(AT_FDCWD, "/lib/x86_64-linux-gnu/libm.so.6", O_RDONLY) = 3', 'path:library'],
    ['connect(3, {sa_family=AF_INET, sin_port=htons(6379), sin_addr=inet_addr("10.0.0.1")}, 16) = 0', 'port:store'],
    ['write(1, "/etc/shadow", 11) = 11', 'none'],
    ['openat(AT_FDCWD, "with \\"quotes\\" inside", O_RDONLY) = 3', 'path:relative'],
  ])('classifies the arguments of %s', (line, expected) => {
    const parsed = parseStraceLine(line);
    expect(parsed.kind === 'call' ? argumentClasses[parsed.argumentClass] : parsed).toBe(expected);
  });

  it('survives any text in bounded time', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 2_000 }), (line) => {
        parseStraceLine(line);
        parseStraceLine(`open("${line}`);
      }),
    );
  });

  it('yields the numbers of the recorded traces from their raw texts', async () => {
    const numbers = new Map<string, Uint16Array>();
    for await (const item of readTraceFile('data/recorded/syscalls.tsv.gz')) {
      if (item.kind === 'trace') numbers.set(`${item.trace.cluster}/${item.trace.name}`, item.trace.calls);
    }
    const index = (await readFile('data/recorded/strace/index.tsv', 'utf8')).trimEnd().split('\n').slice(1);
    expect(index.length).toBe((await readdir('data/recorded/strace')).length - 1);
    for (const row of index) {
      const [file = '', , cluster, , , name] = row.split('\t');
      const recorded = numbers.get(`${cluster}/${name}`);
      const text = gunzipSync(await readFile(`data/recorded/strace/${file}`)).toString('utf8');
      const calls = text
        .split('\n')
        .map(parseStraceLine)
        .flatMap((line) => (line.kind === 'call' ? [line.call] : []));
      expect(recorded, file).toBeDefined();
      // The texts hold the whole thread; the traces of long-lived ones are its first piece.
      expect(calls.slice(0, recorded?.length), file).toEqual([...(recorded ?? [])]);
    }
  });
});
