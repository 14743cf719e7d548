import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { linePlot } from '../lab/plot.ts';
import type { Bench } from './harness/bench.ts';
import { describeMachine } from './harness/machine.ts';
import { collectReport } from './harness/report.ts';
import { benchNames, loadBench, runBench } from './run.ts';

const options = { small: true, peers: false, only: undefined, repeat: 1 } as const;

test.each(benchNames())('bench %s › its small size runs and checks its answers', async (name) => {
  const report = await runBench(await loadBench(name), options, `node bench/run.ts ${name} --small`, () => {});
  expect(report.lines.length).toBeGreaterThan(0);
});

test('runBench › refuses a benchmark that measured nothing', async () => {
  const idle: Bench = { name: 'idle', summary: 'Nothing.', run: async () => {} };
  await expect(runBench(idle, options, 'idle', () => {})).rejects.toThrow(/no case was measured/);
});

test('collectReport › keeps every case with machine and command, and names them on the page', async () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'bench-'));
  try {
    const printed: string[] = [];
    const head = {
      name: 'demo',
      summary: 'A demonstration.',
      command: 'npm run bench -- demo',
      startedAt: new Date(0),
    };
    const report = collectReport({ ...head, machine: describeMachine() }, (line) => printed.push(line));
    report.record({ case: 'sum n=3', seconds: 0.25 });
    report.table(['case', 'time'], [['a|b', '250 ms']]);
    const rows = [1, 2].map((n) => ({ n, seconds: n * n, who: 'ours' }));
    const axes = { x: { field: 'n', title: 'n' }, y: { field: 'seconds', title: 's' } };
    report.plot('demo.svg', await linePlot({ title: 'cost', ...axes, series: 'who', rows }), 'cost');
    report.save(dir, dir);

    expect(printed).toEqual(['{"case":"sum n=3","seconds":0.25}']);
    const results = JSON.parse(readFileSync(path.join(dir, 'demo.json'), 'utf8'));
    expect(results).toMatchObject({ cases: [{ case: 'sum n=3', seconds: 0.25 }], command: head.command });
    expect(results.machine.cores).toBe(os.cpus().length);
    const page = readFileSync(path.join(dir, 'demo.md'), 'utf8');
    expect(page).toContain('    npm run bench -- demo\n');
    expect(page).toContain('| a\\|b | 250 ms |');
    expect(readFileSync(path.join(dir, 'demo.svg'), 'utf8')).toMatch(/^<svg[^>]*>.*<\/svg>\n$/s);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
