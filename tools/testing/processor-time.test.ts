import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { costTable } from './cost-report.mjs';
import { processorTime } from './processor-time.mjs';

describe('processorTime', () => {
  it('reads past a name with blanks and brackets', () => {
    const stat = '7 (a (b) c) S 1 7 7 0 -1 4194560 900 800 0 0 150 50 1000 200 25 5 1 0 99';
    expect(processorTime(stat)).toEqual({ ownSeconds: 2, childrenSeconds: 12 });
  });

  it('counts a child that was waited for', () => {
    const read = () => processorTime(readFileSync('/proc/self/stat', 'utf8')).childrenSeconds;
    const before = read();
    const used = spawnSync(process.execPath, ['-e', 'while (process.cpuUsage().user < 300_000);']);
    expect(used.status).toBe(0);
    expect(read() - before).toBeGreaterThanOrEqual(0.3);
  });
});

describe('costTable', () => {
  it('puts the costliest file first, children counted, and adds all up', () => {
    const noted = [
      { file: '/c/cheap.test.ts', ownSeconds: 1, childrenSeconds: 0.5, wallSeconds: 9 },
      { file: '/c/deep/dear.test.ts', ownSeconds: 0.25, childrenSeconds: 30, wallSeconds: 40 },
    ];
    const { total, rows } = costTable(`${noted.map((one) => JSON.stringify(one)).join('\n')}\n`, '/c');
    expect(total).toBe(31.75);
    expect(rows).toEqual([
      '   30.3   30.0   40.0 deep/dear.test.ts', //
      '    1.5    0.5    9.0 cheap.test.ts',
    ]);
  });
});
