import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { abis, callIdOfName, callIdOfNumber, nameOfCallId, padId, unknownId, vocabulary } from './vocabulary.ts';

describe('the vocabulary', () => {
  it('means the same call by the same id on every architecture', () => {
    const numbers = { x86_64: 257, i386: 295, arm64: 56 } as const;
    const ids = abis.map((abi) => callIdOfNumber(numbers[abi], abi));
    expect(new Set(ids).size).toBe(1);
    expect(nameOfCallId(ids[0] as number)).toBe('openat');
  });

  it.each([
    ['stat64', 'stat'],
    ['mmap2', 'mmap'],
    ['fstatat64', 'newfstatat'],
    ['_llseek', 'lseek'],
    ['chown32', 'chown'],
    ['futex_time64', 'futex'],
    ['clock_gettime64', 'clock_gettime'],
    ['sigaction', 'rt_sigaction'],
    ['fadvise64_64', 'fadvise64'],
  ])('takes i386 %s for %s', (variant, name) => {
    expect(nameOfCallId(callIdOfName(variant))).toBe(name);
  });

  it.each(['pread64', 'getdents64', 'prlimit64', 'fadvise64'])('leaves %s its own word', (name) => {
    expect(nameOfCallId(callIdOfName(name))).toBe(name);
  });

  it('has an id for every number and every name, none of them padding', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.integer(), fc.double(), fc.constant(2 ** 31)),
        fc.constantFrom(...abis),
        (number, abi) => {
          const id = callIdOfNumber(number, abi);
          expect(id).not.toBe(padId);
          expect(id < vocabulary.length).toBe(true);
        },
      ),
    );
    fc.assert(fc.property(fc.string(), (name) => callIdOfName(name) !== padId));
    expect(callIdOfNumber(2 ** 31, 'x86_64')).toBe(unknownId);
    expect(callIdOfName('<pad>')).toBe(unknownId);
  });
});
