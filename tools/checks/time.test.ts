import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readTime, type TimeRules, waysIn } from './time.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'testudo-time-'));
  plant('base/clock.ts', 'export const now = () => Date.now();\n');
  plant(
    'client/rounds/wait.ts',
    'export const late = (timers: { now(): number }, atMs: number) => timers.now() > atMs;\n',
  );
});
afterEach(() => rmSync(root, { recursive: true }));

function plant(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

const rules: TimeRules = {
  folders: ['base', 'client'],
  exceptions: { 'base/clock.ts': 'is the port' },
  roots: ['client/client.ts'],
  notYet: [],
};
const objections = (changes: Partial<TimeRules> = {}) =>
  readTime(root, { ...rules, ...changes }).violations.map(({ file, line }) => `${file}:${line}`);

describe('readTime', () => {
  it('accepts what waits by timers, lets exceptions be, and counts what it read', () => {
    expect(readTime(root, rules)).toEqual({ modules: { base: 1, client: 1 }, violations: [] });
  });

  it('names file and line of each way to the machine', () => {
    plant('client/a.ts', '\nexport const later = (act: () => void) => {\n  setTimeout(act, Date.now());\n};\n');
    expect(objections()).toEqual(['client/a.ts:3']);
    expect(objections({ notYet: ['client/a.ts'] })).toEqual([]);
  });

  it("lets composition roots alone hand on the system's timers, and they too go to no clock", () => {
    const source = "import { systemTimers } from '../base/system-timers.ts';\n";
    plant('client/client.ts', source);
    expect(objections()).toEqual([]);
    plant('client/other.ts', source);
    plant('client/client.ts', `${source}export const at = Date.now();\n`);
    expect(objections()).toEqual(['client/client.ts:2', 'client/other.ts:1']);
  });

  it('lets tests, suites of tests and testing/ wait as they like', () => {
    for (const path of ['client/a.test.ts', 'client/a-contract.ts', 'client/testing/a.ts', 'client/a.bench.ts']) {
      plant(path, 'export const now = Date.now();\n');
    }
    expect(objections()).toEqual([]);
  });

  it('refuses an exception that excepts nothing', () => {
    const stale = { ...rules.exceptions, 'client/rounds/wait.ts': 'was needed once' };
    expect(objections({ exceptions: stale })).toEqual(['client/rounds/wait.ts:0']);
    expect(objections({ notYet: ['client/gone.ts'] })).toEqual(['client/gone.ts:0']);
  });

  it('fails when it read no modules, so that it can never pass blind', () => {
    rmSync(join(root, 'client'), { recursive: true });
    expect(objections()).toEqual(['client:0']);
  });
});

describe('waysIn', () => {
  it.each([
    ['Date.now', 'const clock = Date.now;'],
    ['a date of now', 'const text = new Date().toISOString();'],
    ['a date of now without parentheses', 'const date = new Date;'],
    ['a text of now', 'const text = Date();'],
    ['a destructured clock', 'const { now } = performance;'],
    ['setTimeout', 'setTimeout(() => {}, 5);'],
    ['setTimeout of the global object', 'globalThis.setTimeout(() => {}, 5);'],
    ['setInterval', 'const timer = setInterval(act, 5);'],
    ['performance.now', 'const startedMs = performance.now();'],
    ['process.hrtime', 'const at = process.hrtime.bigint();'],
    ['a signal that aborts by itself', 'const signal = AbortSignal.timeout(5);'],
    ['node:timers/promises', "import { setTimeout as sleep } from 'node:timers/promises';"],
    ['node:perf_hooks', "import { performance as p } from 'node:perf_hooks';"],
    ['what stands after a string with slashes', "const url = 'http://x'; const at = Date.now();"],
    ['what stands in a template', `const name = \`part-\${Date.now()}\`;`],
  ])('finds %s', (_name, source) => {
    expect(waysIn(source, 'ts').map(({ line }) => line)).toContain(1);
  });

  it.each([
    ['a comment', '// setTimeout counts to 2^31; Date.now() too.'],
    ['a comment of many lines', '/**\n * Like performance.now().\n */'],
    ['a date of something', 'const text = new Date(atMs).toISOString();'],
    ['a date as a type', 'export type Since = Readonly<{ at: Date }>;'],
    ['another now', 'const nowMs = timers.now();'],
    ['parsing and making dates', 'const atMs = Date.parse(text) + Date.UTC(2027, 0);'],
    ['a turn of the event loop, which takes no time', 'setImmediate(resolve);'],
  ])('is not fooled by %s', (_name, source) => {
    expect(waysIn(source, 'ts')).toEqual([]);
  });
});
