/**
 * One vocabulary of system calls for i386, x86-64 and arm64, so that clusters on different processors share one model.
 *
 * A call is known by its name, and the names of one call's variants (`stat64`, `mmap2`, `futex_time64`) are one word: they
 * differ by the width of an argument, not by what they do. Ids are the positions in `vocabulary`, which is sorted after
 * its two reserved words: the same tables give the same ids on every machine, and their digest is part of a model's spec.
 */
import { readFileSync } from 'node:fs';
import { digestOf } from '../../proto/digest.ts';

/** Numbering schemes of system calls. */
export const abis = ['x86_64', 'i386', 'arm64'] as const;
export type Abi = (typeof abis)[number];

/** Pads before a trace begins and after it ends; never a call. */
export const padId = 0;
/** Any call whose number or name no table knows. */
export const unknownId = 1;

/** i386 names whose 64-bit counterpart is spelt otherwise; suffixes are handled by rule. */
const sameCall: Readonly<Record<string, string>> = {
  _llseek: 'lseek',
  _newselect: 'select',
  fstatat64: 'newfstatat',
  mmap2: 'mmap',
  oldfstat: 'fstat',
  oldlstat: 'lstat',
  oldolduname: 'uname',
  oldstat: 'stat',
  olduname: 'uname',
  sigaction: 'rt_sigaction',
  sigpending: 'rt_sigpending',
  sigprocmask: 'rt_sigprocmask',
  sigreturn: 'rt_sigreturn',
  sigsuspend: 'rt_sigsuspend',
  ugetrlimit: 'getrlimit',
  umount: 'umount2',
  waitpid: 'wait4',
};

const tables = new Map(abis.map((abi) => [abi, readTable(abi)]));

/** Id to name, sorted after the two reserved words. */
export const vocabulary: readonly string[] = [
  '<pad>',
  '<unknown>',
  ...[...new Set([...tables.values()].flatMap((table) => [...table.values()]))].sort(),
];
/** SHA-256 of the words in order: two models with this digest in common mean the same calls. */
export const vocabularyDigest = digestOf(Buffer.from(vocabulary.join('\n')));

const idOfName = new Map(vocabulary.map((name, id) => [name, id]));
const idsOfNumbers = new Map(
  [...tables].map(([abi, table]) => {
    const ids = new Uint16Array(Math.max(...table.keys()) + 1).fill(unknownId);
    for (const [number, name] of table) ids[number] = idOfName.get(name) ?? unknownId;
    return [abi, ids] as const;
  }),
);

/** The id of a call by its name as any architecture spells it; `unknownId` when no table has it. */
export function callIdOfName(name: string): number {
  const id = idOfName.get(canonicalName(name));
  return id === undefined || id === padId ? unknownId : id;
}

/** The id of a call by its number; `unknownId` for anything no table has, 2^31 and negative numbers included. */
export function callIdOfNumber(number: number, abi: Abi): number {
  return idsOfNumbers.get(abi)?.[number] ?? unknownId;
}

export function nameOfCallId(id: number): string {
  return vocabulary[id] ?? '<unknown>';
}

function canonicalName(name: string): string {
  const known = sameCall[name];
  if (known !== undefined) return known;
  const stripped = name.replace(/(_time64|64_64)$/, '').replace(/(?<=[a-z])32$/, '');
  // pread64 and its kin carry their suffix on every architecture; stat64 and its kin only on i386.
  return /^(clock_(adjtime|gettime|settime)|stat|lstat|fstat|statfs|fstatfs|truncate|ftruncate|sendfile|fcntl|timer_(get|set)time|timerfd_(get|set)time)64$/.test(
    stripped,
  )
    ? stripped.slice(0, -2)
    : stripped === 'fadvise'
      ? 'fadvise64'
      : stripped;
}

function readTable(abi: Abi): Map<number, string> {
  const text = readFileSync(new URL(`../../data/syscalls/syscalls_${abi}.tsv`, import.meta.url), 'utf8');
  const rows = text.trimEnd().split('\n').slice(1);
  return new Map(
    rows.map((row) => {
      const [number = '', name = ''] = row.split('\t');
      return [Number(number), canonicalName(name)];
    }),
  );
}
