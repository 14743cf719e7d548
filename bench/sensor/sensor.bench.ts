import { fileURLToPath } from 'node:url';
import type { Bench } from '../harness/bench.ts';
import { withBuilt } from '../harness/built.ts';
import { measureInImage } from './in-image.ts';
import { measureHub } from './many-sensors.ts';
import { measureLatency, measureLong, measureRest, measureThroughput } from './one-sensor.ts';
import { writePage } from './page.ts';
import { keptPieces } from './pieces.ts';

/** As sources: the small size checks that it all stands up. */
const sources = fileURLToPath(new URL('../../cli/testudo.ts', import.meta.url));

export const bench: Bench = {
  name: 'sensor',
  summary:
    'A node’s sensor on a Tetragon stream over a Unix socket: calls per core, event to alert, memory; and 200 sensors on one hub.',
  async run(options, report) {
    const wants = (name: string) => options.only === undefined || name.includes(options.only);
    const measures = ['throughput', 'latency', 'rest', 'hub', 'image', 'long'].some(wants);
    if (measures)
      await (options.small ? withSources : withBuilt)(async (testudo) => {
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

const withSources = (run: (testudo: string) => Promise<void>) => run(sources);
