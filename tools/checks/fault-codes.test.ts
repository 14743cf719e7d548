import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readFolder, resultUses } from './fault-codes.ts';

describe('resultUses', () => {
  it('tells a Result that names its codes from one that does not, whatever its value is', () => {
    const source = [
      "type A = Result<number, 'NO'>;",
      'type B = Promise<Result<ReadonlyMap<string, number>>>;',
      'type C = Result<(a: number, b: number) => void>;',
      'type D = Result<(a: number, b: Map<string, number>) => void, Code>;',
      'type E = Result<',
      '  { a: 1; b: 2 },',
      '>;',
      'type F = Result<[one, two], Busy | Late>;',
      'type G = Result<number, string>;',
    ].join('\n');
    expect(resultUses(source)).toEqual([
      { line: 1, names: true },
      { line: 2, names: false },
      { line: 3, names: false },
      { line: 4, names: true },
      { line: 5, names: false },
      { line: 8, names: true },
      { line: 9, names: false },
    ]);
  });

  it('passes over comments and over types that only end in the word', () => {
    expect(resultUses('/* Result<number> */\n// Result<number>\ntype A = AggregationResult<number>;')).toEqual([]);
  });
});

describe('readFolder', () => {
  it('counts sources and leaves tests out', () => {
    const root = mkdtempSync(join(tmpdir(), 'codes-'));
    try {
      mkdirSync(join(root, 'room/testing'), { recursive: true });
      const text = "type A = Result<1>;\ntype B = Result<1, 'NO'>;\n";
      for (const file of ['a.ts', 'a.test.ts', 'testing/b.ts', 'c.mjs']) writeFileSync(join(root, 'room', file), text);
      expect(readFolder(root, 'room')).toEqual({ folder: 'room', files: 1, uses: 2, untyped: ['room/a.ts:1'] });
    } finally {
      rmSync(root, { recursive: true });
    }
  });
});
