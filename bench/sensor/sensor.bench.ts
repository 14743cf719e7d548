import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Bench } from '../harness/bench.ts';
import { measureInImage } from './in-image.ts';
import { measureHub } from './many-sensors.ts';
import { measureLatency, measureLong, measureRest, measureThroughput } from './one-sensor.ts';
import { writePage } from './page.ts';
import { keptPieces } from './pieces.ts';

const checkout = fileURLToPath(new URL('../..', import.meta.url));

export const bench: Bench = {
  name: 'sensor',
  summary:
    'A node’s sensor on a Tetragon stream over a Unix socket: calls per core, event to alert, memory; and 200 sensors on one hub.',
  async run(options, report) {
    const wants = (name: string) => options.only === undefined || name.includes(options.only);
    const measures = ['throughput', 'latency', 'rest', 'hub', 'image', 'long'].some(wants);
    if (measures)
      await withBuilt(options.small, async (testudo) => {
        const rate = wants('throughput') ? await measureThroughput(testudo, options, report) : halfOfKept();
        // The small size checks that it all stands up; what is measured below takes its time.
        if (!options.small && wants('latency')) await measureLatency(testudo, rate, report);
        if (!options.small && wants('rest')) await measureRest(testudo, report);
        if (wants('hub')) await measureHub(testudo, options, report);
        if (!options.small && wants('image')) await measureInImage(testudo, report);
        if (!options.small && wants('long')) await measureLong(testudo, report);
      });
    if (!options.small && (options.only === undefined || options.only === 'page')) writePage(report);
  },
};

/** What half of the last measured throughput is, by the wall clock. */
function halfOfKept(): number {
  const { calls = 0, seconds = 1 } = keptPieces().get('throughput')?.figures ?? {};
  return Math.round(calls / seconds / 2) || 10_000;
}

/** The command as it is installed, compiled: sources would be compiled by each process, in memory of its own. */
async function withBuilt(small: boolean, run: (testudo: string) => Promise<void>): Promise<void> {
  if (small) return await run(join(checkout, 'cli', 'testudo.ts'));
  const folder = mkdtempSync(join(tmpdir(), 'testudo-built-'));
  try {
    symlinkSync(join(checkout, 'node_modules'), join(folder, 'node_modules'));
    const program = join(checkout, 'tools', 'build.mjs');
    const built = spawnSync(process.execPath, [program, join(folder, 'package')], { stdio: 'inherit' });
    if (built.status !== 0) throw new Error('the package could not be built');
    await run(join(folder, 'package', 'cli', 'testudo.js'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
