import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWhere } from '../../testing/where.ts';
import { bindSymbols } from './bind-symbols.mjs';

/** Two libraries and their program. Each table refers to what is its library's own, and to what others define as well. */
const sources = {
  first: `
    namespace both { __attribute__((weak)) int who() { return 1; } }
    namespace ours { int one() { return 10; } int number = 7; }
    extern "C" int plain() { return 100; }
    int (*firstTable[])() = { both::who, ours::one, plain };
    int *firstNumber = &ours::number;
    long first() {
      long sum = *firstNumber;
      for (auto each : firstTable) sum = sum * 1000 + each();
      return sum;
    }`,
  second: `
    namespace both { __attribute__((weak)) int who() { return 2; } }
    namespace theirs { int two() { return 20; } }
    namespace std { int shared() { return 5; } }
    int (*secondTable[])() = { both::who, theirs::two, std::shared };
    long second() {
      long sum = 0;
      for (auto each : secondTable) sum = sum * 1000 + each();
      return sum;
    }`,
  main: `
    #include <cstdio>
    namespace std { int shared() { return 6; } }
    extern "C" int plain() { return 101; }
    long first();
    long second();
    int main() { std::printf("%ld %ld", first(), second()); }`,
} as const;

const here = process.platform === 'linux' && process.arch === 'x64';

let folder: string;
const at = (name: string) => join(folder, name);
beforeAll(() => {
  if (!here) return;
  folder = mkdtempSync(join(tmpdir(), 'testudo-bind-'));
  const compile = (...args: string[]) => execFileSync(process.env.CXX || 'g++', args, { cwd: folder });
  for (const [name, text] of Object.entries(sources)) writeFileSync(at(`${name}.cc`), text);
  for (const name of ['first', 'second']) compile('-shared', '-fPIC', `${name}.cc`, '-o', `lib${name}.so`);
  // The program shows what it has to the loader, as Node does, and the loader looks there first.
  compile('-rdynamic', 'main.cc', '-o', 'main', '-L.', '-lfirst', '-lsecond', '-Wl,-rpath,$ORIGIN');
});
afterAll(() => {
  if (here) rmSync(folder, { recursive: true, force: true });
});

const answer = () => execFileSync(at('main'), { encoding: 'utf8' });
const libraries = () => [at('libfirst.so'), at('libsecond.so')];

/** What the loader looks up for the data of a library, by binutils: functions and variables of ours. */
function lookedUp(library: string): string[] {
  const printed = execFileSync('readelf', ['--relocs', '--wide', at(library)], { encoding: 'utf8' });
  const names = [...printed.matchAll(/R_X86_64_(?:64|GLOB_DAT)\s+\w+\s+([^\s@]+)/g)].map(([, name = '']) => name);
  return names.filter((name) => /^_Z|^plain$|^(?:first|second)(?:Table|Number)$/.test(name)).sort();
}

describeWhere(here)('bindSymbols', () => {
  it('binds what only the library itself can answer, and leaves what the program or an earlier library may', () => {
    const before = answer();
    expect(before).toBe('7001010101 1020006');
    const [one, number, both, two, std] = [
      '_ZN4ours3oneEv',
      '_ZN4ours6numberE',
      '_ZN4both3whoEv',
      '_ZN6theirs3twoEv',
      '_ZSt6sharedv',
    ];
    expect(lookedUp('libfirst.so')).toEqual([both, one, number, 'firstNumber', 'firstTable', 'plain']);
    expect(lookedUp('libsecond.so')).toEqual([both, two, std, 'secondTable']);

    expect(bindSymbols(libraries())).toEqual([3, 1]);

    expect(lookedUp('libfirst.so')).toEqual(['firstNumber', 'firstTable', 'plain']);
    expect(lookedUp('libsecond.so')).toEqual([both, std, 'secondTable']);
    expect(answer()).toBe(before);
  });

  it('changes nothing where it was done', () => {
    bindSymbols(libraries());
    const once = libraries().map((file) => readFileSync(file));
    expect(bindSymbols(libraries())).toEqual([0, 0]);
    expect(libraries().map((file) => readFileSync(file))).toEqual(once);
  });

  it('refuses what is no library, and one that is cut short', () => {
    writeFileSync(at('text'), 'no library'.repeat(20));
    expect(() => bindSymbols([at('text')])).toThrow(/text cannot be bound: it is no ELF library for x86-64/);
    writeFileSync(at('cut.so'), readFileSync(at('libfirst.so')).subarray(0, 2_000));
    expect(() => bindSymbols([at('cut.so')])).toThrow(/cut\.so cannot be bound: it ends early/);
  });
});
