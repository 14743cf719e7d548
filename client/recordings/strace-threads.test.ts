import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseStraceLine } from './strace-line.ts';
import { StraceThreads } from './strace-threads.ts';

/** The thread of each line that is a call or an end; undefined for the others. */
function threadsOf(lines: readonly string[]): (string | undefined)[] {
  const threads = new StraceThreads('t');
  return lines.map((text, index) => {
    for (let at = index; threads.isUnsettled; at += 1) threads.settle(lines[at]);
    const line = parseStraceLine(text);
    if (line.kind === 'call') return threads.caller(line).name;
    if (line.kind === 'end') return threads.ended(line).name;
    if (line.kind === 'remark') threads.remark(text);
    return undefined;
  });
}

describe('StraceThreads', () => {
  it('gives the lines without a pid to the first process, and later to the last that is left', () => {
    const found = threadsOf([
      'brk(NULL) = 0x5',
      'vfork(strace: Process 8 attached',
      ' <unfinished ...>',
      '[pid     8] execve("/bin/cat", ["cat"], 0x5 /* 3 vars */ <unfinished ...>',
      '[pid     7] <... vfork resumed>) = 8',
      '[pid     8] <... execve resumed>) = 0',
      '[pid     7] exit_group(0) = ?',
      '[pid     7] +++ exited with 0 +++',
      'close(3) = 0',
      '+++ exited with 0 +++',
    ]);
    const [first, last] = ['t/0', 't/8'];
    expect(found).toEqual([first, first, undefined, last, undefined, undefined, first, first, last, last]);
  });

  it('makes a thread of its own of what several could have written (-q hides who is followed)', () => {
    const found = threadsOf(['brk(NULL) = 0x5', '[pid 8] close(3) = 0', '[pid 9] close(3) = 0', 'read(3, "", 9) = 0']);
    expect(new Set(found).size).toBe(4);
  });

  it('knows who is left by the call that only one thread left unfinished, even where strace hides ends (-qq)', () => {
    const lines = ['[pid 7] wait4(-1,  <unfinished ...>', '[pid 8] exit_group(0) = ?', '<... wait4 resumed>, 0) = 8'];
    expect(threadsOf([...lines, 'close(3) = 0'])).toEqual(['t/7', 't/8', undefined, 't/7']);
  });

  it('follows a thread that takes over its process by execve', () => {
    const lines = [
      'futex(0x7, FUTEX_WAIT, 8, NULLstrace: Process 8 attached',
      '[pid     8] execve("/bin/true", ["true"], 0x7 /* 35 vars */ <unfinished ...>',
      '[pid     7] <... futex resumed>) = ?',
      '+++ superseded by execve in pid 8 +++',
      '<... execve resumed>) = 0',
      'brk(NULL) = 0x5',
      '+++ exited with 0 +++',
    ];
    expect(threadsOf(lines)).toEqual(['t/0', 't/8', undefined, 't/0', undefined, 't/8', 't/8']);
  });

  it('begins another thread where a pid is used again, also when the end was not written', () => {
    const lines = ['7 exit_group(0) = ?', '7 brk(NULL) = 0x5', '7 +++ exited with 0 +++', '7 close(3) = 0'];
    expect(threadsOf(lines)).toEqual(['t/7', 't/7.2', 't/7.2', 't/7.3']);
  });

  it('never mixes two processes, whatever strace hides; and tells all apart where it hides nothing', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 1_000 }), { maxLength: 200 }),
        fc.record({
          announces: fc.boolean(),
          saysEnds: fc.boolean(),
          showsForks: fc.boolean(),
          showsExits: fc.boolean(),
        }),
        (choices, hidden) => {
          const says = hidden.announces
            ? { announces: true, saysEnds: true, showsForks: true, showsExits: true }
            : hidden;
          const written = terminalText(choices, says);
          const threads = threadsOf(written.map(({ text }) => text));
          const pidsOf = new Map<string, Set<number>>();
          const ends = new Map<string, number>();
          const threadsOfPid = new Map<number, Set<string>>();
          for (const [index, { text, process }] of written.entries()) {
            const name = threads[index];
            if (name === undefined) continue;
            // A trace is over with its thread's end; another thread may have the name then.
            const thread = `${name}#${ends.get(name) ?? 0}`;
            if (parseStraceLine(text).kind === 'end') ends.set(name, (ends.get(name) ?? 0) + 1);
            if (parseStraceLine(text).kind !== 'call') continue;
            pidsOf.set(thread, (pidsOf.get(thread) ?? new Set()).add(process));
            threadsOfPid.set(process, (threadsOfPid.get(process) ?? new Set()).add(thread));
          }
          for (const processes of pidsOf.values()) expect(processes.size).toBe(1);
          if (says.announces) for (const names of threadsOfPid.values()) expect(names.size).toBe(1);
        },
      ),
      { numRuns: 3_000 },
    );
  });
});

type Says = Readonly<{ announces: boolean; saysEnds: boolean; showsForks: boolean; showsExits: boolean }>;

/** What strace -f writes to a terminal about some processes that fork, call and end; each line with whose it is. */
function terminalText(choices: readonly number[], says: Says): { text: string; process: number }[] {
  const lines: { text: string; process: number }[] = [];
  const alive: { process: number; unfinished: string | undefined }[] = [{ process: 100, unfinished: undefined }];
  let nextPid = 101;
  let chosen = 0;
  const choose = () => choices[chosen++] ?? 0;
  const write = (process: number, text: string, isMany = alive.length > 1) => {
    lines.push({ process, text: isMany ? `[pid ${String(process).padStart(5)}] ${text}` : text });
  };
  const finish = (one: (typeof alive)[number]) => {
    if (one.unfinished === undefined) return;
    write(one.process, `<... ${one.unfinished} resumed>) = 0`);
    one.unfinished = undefined;
  };
  while (chosen < choices.length && alive.length > 0) {
    const one = alive[choose() % alive.length] as (typeof alive)[number];
    const action = choose() % 10;
    finish(one);
    if (action < 4) {
      write(one.process, `${['read', 'close', 'wait4'][choose() % 3]}(3) = 0`);
    } else if (action < 6 && alive.length > 1) {
      one.unfinished = ['read', 'wait4', 'futex'][choose() % 3] as string;
      write(one.process, `${one.unfinished}(3,  <unfinished ...>`);
    } else if (action < 8 && alive.length < 5) {
      const pid = nextPid++;
      const isWhole = choose() % 2 === 0;
      const isMany = alive.length > 1;
      if (says.showsForks && isWhole) write(one.process, `clone(child_stack=NULL) = ${pid}`);
      else if (says.showsForks && says.announces) write(one.process, `clone(strace: Process ${pid} attached`);
      else if (says.showsForks) write(one.process, 'clone( <unfinished ...>', isMany);
      if (says.announces && isWhole) lines.push({ process: pid, text: `strace: Process ${pid} attached` });
      if (says.showsForks && !isWhole) {
        one.unfinished = 'clone';
        if (says.announces) lines.push({ process: pid, text: ' <unfinished ...>' });
      }
      alive.push({ process: pid, unfinished: undefined });
    } else {
      // What is followed in silence and ends in silence nobody can tell from what goes on.
      const isKilled = choose() % 3 === 0 && (says.showsForks || says.saysEnds);
      if (!isKilled && (says.showsExits || !says.showsForks)) write(one.process, 'exit_group(0) = ?');
      if (says.saysEnds) write(one.process, isKilled ? '+++ killed by SIGKILL +++' : '+++ exited with 0 +++');
      alive.splice(alive.indexOf(one), 1);
    }
  }
  return lines;
}
