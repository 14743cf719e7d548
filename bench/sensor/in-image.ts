import { images } from '../../deploy/images/images.ts';
import { environmentOf } from '../harness/environment.ts';
import { peakMiB, residentMiB } from '../harness/process-figures.ts';
import type { Report } from '../harness/report.ts';
import { withSensor } from './one-sensor.ts';
import { keepPiece } from './pieces.ts';

/** A sensor with what its image sets for memory: it loads release after release beside the one that scores. */
export async function measureInImage(testudo: string, report: Report): Promise<void> {
  const env = environmentOf(images.sensor.env);
  const releases = 3;
  const eventsBetween = 500_000;
  const figures = await withSensor(testudo, { rate: 0, env }, async ({ rig, feed, sensor }) => {
    const reads = async (events: number) => {
      for (const until = feed.events + events; feed.events < until; )
        await new Promise((resolve) => setTimeout(resolve, 500));
    };
    await reads(eventsBetween);
    for (let version = 2; version < 2 + releases; version++) {
      await rig.release(version);
      await rig.heard.said('a sensor spoke of a release', (line) => line.version === version);
      await reads(eventsBetween);
    }
    return { events: feed.events, releases, rssMiBLast: residentMiB(sensor.pid), rssMiBMax: peakMiB(sensor.pid) };
  });
  await keepPiece('image', figures, report);
}
