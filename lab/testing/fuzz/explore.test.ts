// Own process: it holds memory, and looks at memory and branches that whatever else runs here would change too.
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../base/random.ts';
import { BranchCoverage } from './coverage.ts';
import { explore, smallest } from './explore.ts';
import { judge } from './judge.ts';
import { nested } from './nested-branches.ts';
import { type Reading, refused, type Target } from './target.ts';

const target = (read: (bytes: Uint8Array) => Reading, more: Partial<Target> = {}): Target => ({
  name: 'planted',
  seeds: () => [Buffer.from('seed')],
  read,
  ...more,
});
const whatOf = async (planted: Target) => (await judge(planted, Buffer.from('seed')))?.what;

describe('judge', () => {
  it('lets a value and a coded refusal pass', async () => {
    const echo = target((bytes) => ({ kind: 'read', value: bytes.length, again: bytes, also: 4 }));
    expect(await whatOf(echo)).toBeUndefined();
    expect(await whatOf(target(() => refused('NOT_READ')))).toBeUndefined();
  });

  it.each<[string, Target, string]>([
    ['an exception', target(() => JSON.parse('{')), 'threw SyntaxError'],
    [
      'a stack that is full',
      target(function deep(bytes): Reading {
        return deep(bytes);
      }),
      'threw RangeError',
    ],
    ['a refusal without a code', target(() => refused('no good')), 'without a code'],
    ['a value that another way reads otherwise', target(() => ({ kind: 'read', value: 1, also: 2 })), 'another way'],
    [
      'bytes that it refuses itself',
      target((bytes) => (bytes.length === 4 ? { kind: 'read', value: 1, again: bytes.subarray(1) } : refused('NO'))),
      'refuses its own',
    ],
    [
      'a -0 that was a 0',
      target((bytes) => ({ kind: 'read', value: bytes.length === 4 ? -0 : 0, again: Buffer.of(1) })),
      'something else',
    ],
    [
      'a second form',
      target((bytes) => ({ kind: 'read', value: 1, again: bytes.subarray(1) }), { isCanonical: true }),
      'second form',
    ],
    [
      'a prototype that came with the data',
      target(() => ({ kind: 'read', value: [Object.setPrototypeOf({}, { isAdmin: true })] })),
      'forged prototype',
    ],
    ['memory beyond bounds', target(() => ({ kind: 'read', value: kept(Buffer.alloc(128 * 2 ** 20, 1)) })), '64 MiB'],
    [
      'an input that is changed',
      target((bytes) => {
        bytes[0] = 0;
        return refused('NO');
      }),
      'changed its input',
    ],
  ])('finds %s', async (_, planted, what) => expect(await whatOf(planted)).toContain(what));

  it('says where something was thrown, though errors are made without places', async () => {
    const before = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    try {
      expect(await whatOf(target(() => JSON.parse('{')))).toMatch(/^threw SyntaxError: .*\n {4}at .*\n {4}at /);
      let turn = 0;
      const once = target(() => (turn++ === 0 ? JSON.parse('{') : refused('NO')));
      expect(await whatOf(once)).toMatch(/^threw SyntaxError: /);
      expect(Error.stackTraceLimit).toBe(0);
    } finally {
      Error.stackTraceLimit = before;
    }
  });

  it('finds what takes longer than it may, by the time of the processor and not by the clock', async () => {
    const whatIn = async (ms: number, planted: Target) =>
      (await judge(planted, Buffer.from('seed'), { millisecondsMax: ms }))?.what;
    const busy = target(() => {
      for (const began = process.cpuUsage(); process.cpuUsage(began).user < 20_000; ) Math.sqrt(2);
      return refused('NO');
    });
    const waiting = target(() => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
      return refused('NO');
    });
    expect(await whatIn(1, busy)).toMatch(/^took \d+ ms$/);
    expect(await whatIn(40, waiting)).toBeUndefined();
  });

  it('finds a prototype that is polluted', async () => {
    const polluting = target(() => {
      Object.assign(Object.prototype, { polluted: 1 });
      return refused('NO');
    });
    try {
      expect(await whatOf(polluting)).toContain('changed a prototype');
    } finally {
      delete (Object.prototype as { polluted?: number }).polluted;
    }
  });
});

/** Held, so that no collection comes in between. */
const held: unknown[] = [];
function kept(bytes: Buffer): number {
  held.push(bytes);
  return bytes.length;
}

describe('explore', () => {
  const find = (coverage: BranchCoverage | undefined) =>
    explore(
      target((bytes) => refused(nested(bytes))),
      { inputs: 30_000, random: seededRandom(1), coverage },
    );

  it('comes behind six comparisons by what each of them lets through, and not without looking', async () => {
    const coverage = new BranchCoverage((url) => url.endsWith('/nested-branches.ts'));
    try {
      const { findings, kept } = await find(coverage);
      expect(findings.map(({ what }) => what.split('\n', 1)[0])).toEqual(['threw Error: behind six comparisons']);
      const needed = await smallest(
        target((bytes) => refused(nestedOrNot(bytes))),
        kept,
        coverage,
      );
      expect(needed.length).toBeLessThanOrEqual(7);
      expect(needed.some((input) => Buffer.from(input).toString('latin1').startsWith('TSTU\x01\x12'))).toBe(true);
    } finally {
      coverage.close();
    }
    expect((await find(undefined)).findings).toEqual([]);
  });
});

function nestedOrNot(bytes: Uint8Array): string {
  try {
    return nested(bytes);
  } catch {
    return 'BEHIND';
  }
}
